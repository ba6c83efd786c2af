//! Money: commission, nights and margin.

use super::{Broken, Play, Story, heard};
use crate::calendar::Zone;
use crate::spec::{Commission, HedgedMargin, Leverage, Margin, PaperSpec, Swap};
use market::{Lots, Money, Side, Span};
use orders::{Reject, Report};
use risk::ExitCause;

pub(super) const STORIES: &[Story] = &[
    ("commission per lot is charged at both ends", commission),
    ("a night costs its points, and the triple day three times", swap),
    ("a partial close books its share of the nights", swap_share),
    ("funding is charged on the value held", funding),
    ("an order beyond the free margin is refused", no_money),
    ("hedged positions need the margin of the larger side", hedged_margin),
    ("the venue warns, then closes the largest loser", stop_out),
    ("the balance is the sum of what was reported", adds_up),
];

/// Thirty for the dollar against another major, and a stop-out at half.
fn margined(spec: &mut PaperSpec) {
    let leverage = Leverage { major_pair: 30, minor_pair_gold_index: 20, commodity: 10, share: 5, crypto: 2 };
    let (call_percent, stop_out_percent, hedged) = (100, 50, HedgedMargin::LargerSide);
    spec.margin = Margin::Leveraged { leverage, call_percent, stop_out_percent, hedged };
}

fn nightly(long_thousandths: i64, short_thousandths: i64) -> Swap {
    let (zone, at, triple) = (Zone::NewYork, Span(17 * Span::HOUR.0), 2);
    Swap::Nightly { long_thousandths, short_thousandths, zone, at, triple }
}

fn commission(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.symbols[0].commission = Commission::PerLot { side: Money(3_500_000) })?;
    stage.tick(700, 708);
    stage.open(Side::Buy, 10);
    let ticket = heard!(stage, Report::Opened { ticket, commission: Money(-350_000), .. } => ticket);
    stage.close(ticket, Side::Buy, 10);
    heard!(stage, Report::Closed { commission: Money(-350_000), .. });
    Ok(())
}

fn swap(play: &Play<'_>) -> Result<(), Broken> {
    // From Tuesday noon: nights of Tuesday, Wednesday (three), Thursday and Friday; none of Saturday and Sunday.
    for (days, nights) in [(0, 0), (1, 1), (2, 4), (3, 5), (4, 6), (5, 6), (6, 6), (7, 7)] {
        let mut stage = play.stage(|spec| spec.symbols[0].swap = nightly(-6_500, 2_000))?;
        stage.tick(700, 708);
        let (long, short) = (stage.opened(Side::Buy, 100)?, stage.opened(Side::Sell, 10)?);
        stage.wait(Span(days * Span::DAY.0));
        stage.close(long, Side::Buy, 100);
        heard!(stage, Report::Closed { swap, .. } if swap.0 == -6_500_000 * nights);
        stage.close(short, Side::Sell, 10);
        heard!(stage, Report::Closed { swap, .. } if swap.0 == 200_000 * nights);
    }
    // A night is booked in its time, though nobody asks for anything before the stop.
    let mut stage = play.stage(|spec| spec.symbols[0].swap = nightly(-6_500, 2_000))?;
    stage.tick(700, 708);
    stage.guarded(Side::Buy, 100, Some(600), None);
    stage.wait(Span::DAY);
    stage.tick(590, 598);
    heard!(stage, Report::Closed { cause: ExitCause::Stop, swap: Money(-6_500_000), .. });
    Ok(())
}

fn swap_share(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.symbols[0].swap = nightly(-6_500, 2_000))?;
    stage.tick(700, 708);
    let long = stage.opened(Side::Buy, 100)?;
    stage.wait(Span::DAY);
    stage.close(long, Side::Buy, 30);
    let rest = heard!(stage, Report::Closed { swap: Money(-1_950_000), successor: Some(rest), .. } => rest);
    stage.close(rest, Side::Buy, 70);
    heard!(stage, Report::Closed { swap: Money(-4_550_000), .. });
    Ok(())
}

fn funding(play: &Play<'_>) -> Result<(), Broken> {
    let (every, long_millionths, short_millionths) = (Span(8 * Span::HOUR.0), -100, 100);
    let mut stage =
        play.stage(|spec| spec.symbols[0].swap = Swap::Funding { long_millionths, short_millionths, every })?;
    stage.tick(700, 708);
    let (long, short) = (stage.opened(Side::Buy, 100)?, stage.opened(Side::Sell, 100)?);
    // Noon to noon: 16:00, midnight and 08:00; 0.01 % of 138,708 and 138,700 dollars each time.
    stage.wait(Span::DAY);
    stage.close(long, Side::Buy, 100);
    heard!(stage, Report::Closed { swap: Money(-41_612_400), .. });
    stage.close(short, Side::Sell, 100);
    heard!(stage, Report::Closed { swap: Money(41_610_000), .. });
    Ok(())
}

fn no_money(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(margined)?;
    stage.tick(700, 708);
    // One lot needs 138,708 / 30 = 4,623.60 dollars.
    stage.open(Side::Buy, 217);
    heard!(stage, Report::Rejected { reason: Reject::NoMoney, .. });
    stage.open(Side::Buy, 216);
    heard!(stage, Report::Opened { .. });
    stage.open(Side::Buy, 1);
    heard!(stage, Report::Rejected { reason: Reject::NoMoney, .. });
    Ok(())
}

fn hedged_margin(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(margined)?;
    stage.tick(700, 708);
    stage.opened(Side::Buy, 200)?;
    stage.opened(Side::Sell, 200)?;
    stage.open(Side::Sell, 50);
    heard!(stage, Report::Rejected { reason: Reject::NoMoney, .. });
    Ok(())
}

fn stop_out(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(margined)?;
    stage.tick_with(market::SymbolId(0), (138_700, 0), (138_708, 0));
    let (small, large) = (stage.opened(Side::Buy, 40)?, stage.opened(Side::Buy, 160)?);
    // Two lots use 9,247.20 dollars. 376 points below the ask they lose 752: equity is still above.
    stage.tick(332, 340);
    stage.silence()?;
    stage.tick(331, 339);
    heard!(stage, Report::MarginCalled { .. });
    stage.tick(320, 328);
    stage.silence()?;
    // Half of it is reached when they lose 5,376.40: 2,688.2 points.
    stage.tick_with(market::SymbolId(0), (136_020, 0), (136_028, 0));
    stage.silence()?;
    stage.tick_with(market::SymbolId(0), (136_000, 0), (136_008, 0));
    heard!(stage, Report::Closed { id: None, ticket, lots: Lots(160), cause: ExitCause::StopOut, profit: Money(-4_332_800_000), .. } if ticket == large);
    let (held, _) = stage.list()?;
    stage.ensure(held.len() == 1, "the smaller one left")?;
    heard!(stage, Report::Held { ticket, .. } if ticket == small);
    Ok(())
}

fn adds_up(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| {
        spec.symbols[0].commission = Commission::PerLot { side: Money(3_500_000) };
        spec.symbols[0].swap = nightly(-6_500, 2_000);
    })?;
    stage.tick(700, 708);
    for side in [Side::Buy, Side::Sell, Side::Buy] {
        let ticket = stage.opened(side, 37)?;
        stage.wait(Span::DAY);
        stage.tick(713, 722);
        stage.close(ticket, side, 13);
    }
    let booked = |report: &Report| match *report {
        Report::Opened { commission, .. } => commission.0,
        Report::Closed { profit, commission, swap, .. } => profit.0 + commission.0 + swap.0,
        _ => 0,
    };
    let sum: i64 = stage.all().iter().map(booked).sum();
    let (_, balance) = stage.list()?;
    stage.ensure(balance.0 == 10_000_000_000 + sum, "the sum of what was reported")
}
