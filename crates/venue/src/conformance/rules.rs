//! A broker's rules: volumes, stop and freeze level, hours, and those of the United States.

use super::{Broken, Play, Story, heard};
use crate::calendar::Session;
use crate::spec::{Positions, Slippage};
use market::{Lots, Points, Price, Side, Span};
use orders::{Reject, Report};
use risk::ExitCause;

pub(super) const STORIES: &[Story] = &[
    ("volumes off the grid are refused", volumes),
    ("a partial close leaves no crumb", crumbs),
    ("a stop or target inside the stop level is refused", stop_level),
    ("a stop or target on the wrong side is refused", wrong_side),
    ("near its stop or target a position is frozen", frozen),
    ("stop and target can be set, moved and taken away", protects),
    ("a stop is filled at the market, also beyond a gap", stop_gap),
    ("a target fills at its price, once traded through", target),
    ("an untouched stop keeps still", stop_untouched),
    ("a short position is stopped by the ask", short_stop),
    ("hedging is refused under US rules", no_hedging),
    ("the oldest position is closed first under US rules", fifo),
    ("at the weekend the market is closed", weekend),
];

fn volumes(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| {
        let instrument = &mut spec.symbols[0].instrument;
        (instrument.lot_min, instrument.lot_step, instrument.lot_max) = (Lots(10), Lots(5), Lots(100));
    })?;
    stage.tick(700, 708);
    for lots in [0, 5, 9, 12, 105, -10] {
        stage.open(Side::Buy, lots);
        heard!(stage, Report::Rejected { reason: Reject::InvalidVolume, .. });
    }
    for lots in [10, 15, 100] {
        stage.open(Side::Buy, lots);
        heard!(stage, Report::Opened { .. });
    }
    Ok(())
}

fn crumbs(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.symbols[0].instrument.lot_min = Lots(10))?;
    stage.tick(700, 708);
    let ticket = stage.opened(Side::Buy, 25)?;
    for lots in [0, -5, 5, 16, 26] {
        stage.close(ticket, Side::Buy, lots);
        heard!(stage, Report::Rejected { reason: Reject::InvalidVolume, .. });
    }
    stage.close(ticket, Side::Buy, 15);
    heard!(stage, Report::Closed { lots: Lots(15), .. });
    Ok(())
}

fn stop_level(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.symbols[0].instrument.stop_level = Points(20))?;
    stage.tick(700, 708);
    // For a buy both are measured from the bid, where it would be closed.
    for (stop, target) in [(Some(681), None), (None, Some(719))] {
        stage.guarded(Side::Buy, 10, stop, target);
        heard!(stage, Report::Rejected { reason: Reject::InvalidStops, .. });
    }
    stage.guarded(Side::Buy, 10, Some(680), Some(720));
    let ticket = heard!(stage, Report::Opened { ticket, .. } => ticket);
    for (stop, target) in [(Some(681), Some(720)), (Some(680), Some(719))] {
        stage.protect(ticket, stop, target);
        heard!(stage, Report::Rejected { reason: Reject::InvalidStops, .. });
    }
    stage.guarded(Side::Sell, 10, Some(727), None);
    heard!(stage, Report::Rejected { reason: Reject::InvalidStops, .. });
    stage.guarded(Side::Sell, 10, Some(728), Some(688));
    heard!(stage, Report::Opened { .. });
    Ok(())
}

fn wrong_side(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let wrong = [
        (Side::Buy, Some(700), None),
        (Side::Buy, Some(750), None),
        (Side::Buy, None, Some(700)),
        (Side::Sell, Some(708), None),
        (Side::Sell, None, Some(750)),
    ];
    for (side, stop, target) in wrong {
        stage.guarded(side, 10, stop, target);
        heard!(stage, Report::Rejected { reason: Reject::InvalidStops, .. });
    }
    Ok(())
}

fn frozen(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.symbols[0].instrument.freeze_level = Points(10))?;
    stage.tick(700, 708);
    stage.guarded(Side::Buy, 10, Some(660), Some(780));
    let ticket = heard!(stage, Report::Opened { ticket, .. } => ticket);
    for bid in [670, 770] {
        stage.tick(bid, bid + 8);
        stage.close(ticket, Side::Buy, 10);
        heard!(stage, Report::Rejected { reason: Reject::Frozen, .. });
        stage.protect(ticket, Some(600), None);
        heard!(stage, Report::Rejected { reason: Reject::Frozen, .. });
    }
    stage.tick(671, 679);
    stage.protect(ticket, Some(650), None);
    heard!(stage, Report::Protected { .. });
    stage.close(ticket, Side::Buy, 10);
    heard!(stage, Report::Closed { .. });
    Ok(())
}

fn protects(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let long = stage.opened(Side::Buy, 10)?;
    let order = stage.protect(long, Some(650), Some(750));
    heard!(stage, Report::Protected { id, ticket, stop: Some(Price(138_650)), target: Some(Price(138_750)), .. }
        if id == order && ticket == long);
    stage.protect(long, Some(690), None);
    heard!(stage, Report::Protected { stop: Some(Price(138_690)), target: None, .. });
    stage.tick(760, 768);
    stage.silence()?;
    stage.tick(690, 698);
    heard!(stage, Report::Closed { id: None, cause: ExitCause::Stop, price: Price(138_690), .. });
    Ok(())
}

fn stop_gap(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.symbols[0].slippage = Slippage::Fixed(Points(2)))?;
    stage.tick(700, 708);
    stage.guarded(Side::Buy, 100, Some(680), None);
    let ticket = heard!(stage, Report::Opened { ticket: opened, price: Price(138_710), .. } => opened);
    stage.tick(640, 650);
    // 640 less slippage, not the 680 of the stop: 72 points on one lot.
    heard!(stage, Report::Closed { id: None, ticket: closed, price: Price(138_638), profit, cause: ExitCause::Stop, .. }
        if closed == ticket && profit.0 == -72_000_000);
    Ok(())
}

fn target(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.through = Points(2))?;
    stage.tick(700, 708);
    stage.guarded(Side::Buy, 100, None, Some(750));
    stage.tick(750, 758);
    stage.silence()?;
    stage.tick(751, 759);
    stage.silence()?;
    stage.tick(790, 798);
    heard!(stage, Report::Closed { id: None, price: Price(138_750), cause: ExitCause::Target, .. });
    stage.guarded(Side::Sell, 100, None, Some(750));
    stage.tick(741, 749);
    stage.silence()?;
    stage.tick(700, 748);
    heard!(stage, Report::Closed { price: Price(138_750), cause: ExitCause::Target, .. });
    Ok(())
}

fn stop_untouched(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    stage.guarded(Side::Buy, 10, Some(650), Some(750));
    heard!(stage, Report::Opened { .. });
    for bid in [651, 749, 750, 651] {
        // The ask is beyond the target, but a long position is closed at the bid.
        stage.tick(bid, bid + 30);
        stage.silence()?;
    }
    stage.tick(650, 680);
    heard!(stage, Report::Closed { cause: ExitCause::Stop, .. });
    Ok(())
}

fn short_stop(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    stage.guarded(Side::Sell, 100, Some(750), None);
    stage.tick(741, 749);
    stage.silence()?;
    // A wider spread is enough.
    stage.tick(700, 760);
    heard!(stage, Report::Closed { price: Price(138_760), profit, cause: ExitCause::Stop, .. } if profit.0 == -60_000_000);
    Ok(())
}

fn no_hedging(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.positions = Positions::Fifo)?;
    stage.tick(700, 708);
    stage.opened(Side::Buy, 10)?;
    stage.open(Side::Sell, 10);
    heard!(stage, Report::Rejected { reason: Reject::HedgeProhibited, .. });
    stage.opened(Side::Buy, 10)?;
    Ok(())
}

fn fifo(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.positions = Positions::Fifo)?;
    stage.tick(700, 708);
    let (first, second) = (stage.opened(Side::Buy, 10)?, stage.opened(Side::Buy, 10)?);
    stage.close(second, Side::Buy, 10);
    heard!(stage, Report::Rejected { reason: Reject::FifoRule, .. });
    // The rest of the oldest is still the oldest, whatever its number.
    stage.close(first, Side::Buy, 5);
    let rest = heard!(stage, Report::Closed { successor: Some(rest), .. } => rest);
    stage.close(second, Side::Buy, 10);
    heard!(stage, Report::Rejected { reason: Reject::FifoRule, .. });
    stage.close(rest, Side::Buy, 5);
    heard!(stage, Report::Closed { .. });
    stage.close(second, Side::Buy, 10);
    heard!(stage, Report::Closed { .. });
    Ok(())
}

fn weekend(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.symbols[0].session = Session::foreign_exchange())?;
    stage.tick(700, 708);
    stage.guarded(Side::Buy, 10, Some(650), None);
    let ticket = heard!(stage, Report::Opened { ticket, .. } => ticket);
    let limit = stage.limit(Side::Buy, 10, 600);
    // To Friday 22:00 UTC, an hour after the close in summer.
    stage.wait(Span(3 * Span::DAY.0 + 10 * Span::HOUR.0));
    heard!(stage, Report::Cancelled { id, .. } if id == limit);
    stage.open(Side::Buy, 10);
    heard!(stage, Report::Rejected { reason: Reject::MarketClosed, .. });
    stage.close(ticket, Side::Buy, 10);
    heard!(stage, Report::Rejected { reason: Reject::MarketClosed, .. });
    stage.tick(600, 608);
    stage.silence()?;
    // To Sunday 21:00 UTC.
    stage.wait(Span(Span::DAY.0 + 23 * Span::HOUR.0));
    stage.tick(620, 640);
    heard!(stage, Report::Closed { cause: ExitCause::Stop, price: Price(138_620), .. });
    Ok(())
}
