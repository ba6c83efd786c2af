//! A symbol's leader moves: who thinks again, and who is asked.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod stage;

use desk::Spec;
use ensemble::{Barrier, DecideSpec};
use market::{Instrument, Points, Span};
use stage::Stage;
use stage::specs::{changed, eurusd, plain, with_ensemble, with_symbol};

/// An ensemble on EURUSD, led by a second feed, whose council listens to the leader while its own quote is this fresh.
fn led(leader_moves: Span) -> Spec {
    let barrier =
        Barrier { target: Points(20), stop: Points(20), horizon: Span::from_secs(10), commission_points: 0.0 };
    let demands = DecideSpec {
        prior: [1.0; ensemble::AGENTS],
        beta: 1.0,
        margin_points: 0.0,
        z: 0.0,
        awake_min: 1,
        gate_min: 0.0,
        meta_min: 0.0,
        meta_required: false,
    };
    changed(plain(), |spec| {
        let leader = Instrument { name: "EURUSD.lead".into(), ..eurusd() };
        let leader = with_symbol(spec, leader, desk::spec::Conversion::Same);
        spec.symbols[0].leader = Some(leader);
        with_ensemble(spec, barrier, demands);
        spec.classes[0].council.leader_moves = leader_moves;
        spec.classes[0].council.labels.cadence = Span::from_millis(500);
    })
}

fn asked(stage: &Stage) -> (u64, u64) {
    let strategy = stage.spec.strategies.len() - 1;
    let council = stage.desk.councils().first().unwrap();
    let legs = stage.desk.explanations().iter().filter(|told| usize::from(told.strategy.0) == strategy).count();
    (legs as u64, council.label_counts().sampled)
}

fn play(leader_moves: Span, script: &str) -> (u64, u64) {
    let mut stage = Stage::new(&led(leader_moves));
    stage.twins = false;
    stage.desk.explain();
    stage.play(script);
    asked(&stage)
}

#[test]
fn whoever_listens_is_asked_when_the_leader_moves_while_the_own_quote_is_fresh() {
    let own = "0 EURUSD 130000/130002\n";
    let fresh = format!("{own}1 EURUSD.lead 130010/130012");
    assert_eq!(play(Span::from_secs(2), &fresh), (1, 2), "asked at the leader's move, and a second sample was taken");
    assert_eq!(play(Span(0), &fresh), (0, 1), "who does not listen is not");
    assert_eq!(play(Span::from_secs(2), &format!("{own}3 EURUSD.lead 130010/130012")), (0, 1), "nor on an old quote");
    assert_eq!(play(Span::from_secs(2), "1 EURUSD.lead 130010/130012"), (0, 0), "nor without one");
}

/// Labels of samples taken between own quotes are entered at the quote that stood.
#[test]
fn a_label_is_entered_at_the_quote_that_stands() {
    let mut stage = Stage::new(&led(Span::from_secs(2)));
    stage.twins = false;
    stage.play(
        "0 EURUSD 130000/130002\n0.6 EURUSD.lead 130010/130012\n0.8 EURUSD.lead 130012/130014\n1 EURUSD 130020/130022",
    );
    let council = stage.desk.councils().first().unwrap();
    assert_eq!(council.label_counts().sampled, 2);
    stage.play("1.2 EURUSD 130024/130026");
    assert_eq!(stage.desk.councils().first().unwrap().label_counts().targets, 2, "both bought at 130002");
}
