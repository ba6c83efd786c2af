//! Limit orders.

use super::{Broken, Play, Story, heard};
use crate::spec::{Commission, Latency, Marketable, PartialFills, Positions, Queue};
use market::{Lots, Money, Points, Price, Side, Span};
use orders::{Reject, Report};
use risk::ExitCause;

pub(super) const STORIES: &[Story] = &[
    ("a touched limit order is not filled", touch),
    ("a limit order traded through is filled at its price", traded_through),
    ("a limit order is cancelled", cancelled),
    ("a cancellation that comes too late is refused", cancel_race),
    ("a limit order expires", expires),
    ("a limit order that could be filled at once is refused", marketable_refused),
    ("a limit order that could be filled at once takes the quote", marketable_taken),
    ("a limit order inside the stop level is refused", limit_stop_level),
    ("a trade through the price fills a limit order", through_by_trade),
    ("a limit order waits for the volume before it", queue),
    ("a limit order is filled in parts as the quoted size allows", in_parts),
    ("resting orders pay the maker's fee", maker_fee),
    ("a position opened beyond its own stop is stopped at once", stopped_at_once),
    ("a limit order on a netting account reduces", nets),
];

fn touch(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let order = stage.limit(Side::Buy, 10, 690);
    heard!(stage, Report::Accepted { id, .. } if id == order);
    for ask in [700, 690, 691, 690] {
        stage.tick(ask - 8, ask);
        stage.silence()?;
    }
    Ok(())
}

fn traded_through(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.through = Points(3))?;
    stage.tick(700, 708);
    let (buy, sell) = (stage.limit(Side::Buy, 10, 690), stage.limit(Side::Sell, 10, 720));
    stage.tick(680, 688);
    stage.silence()?;
    stage.tick(650, 660);
    heard!(stage, Report::Opened { id, price: Price(138_690), lots: Lots(10), rest: Lots(0), .. } if id == buy);
    stage.tick(722, 730);
    stage.silence()?;
    stage.tick(723, 730);
    heard!(stage, Report::Opened { id, price: Price(138_720), .. } if id == sell);
    Ok(())
}

fn cancelled(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let order = stage.limit(Side::Buy, 10, 690);
    stage.cancel(order);
    heard!(stage, Report::Cancelled { id, .. } if id == order);
    stage.tick(600, 608);
    stage.silence()
}

fn cancel_race(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.latency_to_venue = Latency::Fixed(Span::from_millis(1_500)))?;
    stage.tick(700, 708);
    let order = stage.limit(Side::Buy, 10, 690);
    stage.wait(Span::from_secs(3));
    heard!(stage, Report::Accepted { .. });
    let cancel = stage.cancel(order);
    stage.tick(680, 688);
    heard!(stage, Report::Opened { id, .. } if id == order);
    stage.wait(Span::from_secs(3));
    heard!(stage, Report::Rejected { id, reason: Reject::UnknownTicket, .. } if id == cancel);
    let cancelled = stage.all().iter().any(|report| matches!(report, Report::Cancelled { .. }));
    stage.ensure(!cancelled, "no cancellation")
}

fn expires(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let order = stage.limit(Side::Buy, 10, 690);
    let expiry = stage.now().plus(Span::HOUR);
    stage.wait(Span(Span::HOUR.0 - 1));
    stage.silence()?;
    stage.wait(Span(1));
    heard!(stage, Report::Cancelled { id, time } if id == order && time == expiry);
    stage.tick(600, 608);
    stage.silence()
}

fn marketable_refused(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    for (side, price) in [(Side::Buy, 708), (Side::Buy, 750), (Side::Sell, 700), (Side::Sell, 650)] {
        stage.limit(side, 10, price);
        heard!(stage, Report::Rejected { reason: Reject::InvalidStops, .. });
    }
    stage.limit(Side::Buy, 10, 707);
    heard!(stage, Report::Accepted { .. });
    Ok(())
}

fn marketable_taken(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| {
        spec.marketable = Marketable::Take;
        spec.partial_fills = PartialFills::QuotedSize { share_millionths: 1_000_000 };
        let (maker_millionths, taker_millionths) = (0, 1_000);
        spec.symbols[0].commission = Commission::Notional { maker_millionths, taker_millionths };
    })?;
    stage.tick_of((700, 500), (708, 60));
    let order = stage.limit(Side::Buy, 100, 710);
    heard!(stage, Report::Accepted { id, .. } if id == order);
    // 0.1 % of 60,000 euros at 1.38708.
    heard!(stage, Report::Opened { id, price: Price(138_708), lots: Lots(60), rest: Lots(40), commission: Money(-83_224_800), .. } if id == order);
    stage.tick_of((700, 500), (709, 60));
    heard!(stage, Report::Opened { id, price: Price(138_710), lots: Lots(40), rest: Lots(0), commission: Money(0), .. } if id == order);
    let (held, _) = stage.list()?;
    stage.ensure(held.len() == 1, "one position of both fills")
}

fn limit_stop_level(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.symbols[0].instrument.stop_level = Points(20))?;
    stage.tick(700, 708);
    stage.limit(Side::Buy, 10, 689);
    heard!(stage, Report::Rejected { reason: Reject::InvalidStops, .. });
    stage.limit(Side::Buy, 10, 688);
    heard!(stage, Report::Accepted { .. });
    Ok(())
}

fn through_by_trade(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let order = stage.limit(Side::Buy, 10, 690);
    stage.trade(Side::Buy, 680, 5);
    stage.silence()?;
    stage.trade(Side::Sell, 690, 5);
    stage.silence()?;
    stage.trade(Side::Sell, 689, 5);
    let ticket = heard!(stage, Report::Opened { id, ticket, price: Price(138_690), .. } if id == order => ticket);
    // The quote still says 700, but the market was just seen at 689.
    stage.close(ticket, Side::Buy, 10);
    heard!(stage, Report::Closed { profit, .. } if profit <= Money::ZERO);
    Ok(())
}

fn queue(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.queue = Queue::RiskAverse)?;
    stage.tick_of((700, 50), (708, 50));
    let order = stage.limit(Side::Buy, 10, 700);
    stage.trade(Side::Sell, 700, 20);
    stage.silence()?;
    // What is displayed shrinks to 25: at most as much can be before us.
    stage.tick_of((700, 25), (708, 50));
    stage.trade(Side::Sell, 700, 25);
    stage.silence()?;
    stage.trade(Side::Sell, 700, 4);
    heard!(stage, Report::Opened { id, lots: Lots(4), rest: Lots(6), price: Price(138_700), .. } if id == order);
    stage.trade(Side::Buy, 700, 50);
    stage.silence()?;
    stage.trade(Side::Sell, 700, 50);
    heard!(stage, Report::Opened { id, lots: Lots(6), rest: Lots(0), .. } if id == order);
    let (held, _) = stage.list()?;
    stage.ensure(held.len() == 1, "one position of both fills")
}

fn in_parts(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.partial_fills = PartialFills::QuotedSize { share_millionths: 1_000_000 })?;
    stage.tick(700, 708);
    let order = stage.limit(Side::Buy, 100, 690);
    stage.tick_of((680, 70), (688, 70));
    let first =
        heard!(stage, Report::Opened { id, ticket, lots: Lots(70), rest: Lots(30), .. } if id == order => ticket);
    // A part of what it opened is closed; the rest of the order joins the rest of the position.
    stage.close(first, Side::Buy, 50);
    let second = heard!(stage, Report::Closed { successor: Some(rest), .. } => rest);
    stage.tick_of((680, 70), (689, 10));
    heard!(stage, Report::Opened { ticket, lots: Lots(10), rest: Lots(20), .. } if ticket == second);
    stage.cancel(order);
    heard!(stage, Report::Cancelled { id, .. } if id == order);
    stage.list()?;
    heard!(stage, Report::Held { ticket, lots: Lots(30), .. } if ticket == second);
    Ok(())
}

fn maker_fee(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| {
        let (maker_millionths, taker_millionths) = (200, 500);
        spec.symbols[0].commission = Commission::Notional { maker_millionths, taker_millionths };
    })?;
    stage.tick(700, 708);
    stage.limit(Side::Buy, 100, 690);
    stage.tick(680, 688);
    // 0.02 % of 138,690 dollars, then 0.05 % of 138,680.
    let ticket = heard!(stage, Report::Opened { ticket, commission: Money(-27_738_000), .. } => ticket);
    stage.close(ticket, Side::Buy, 100);
    heard!(stage, Report::Closed { commission: Money(-69_340_000), .. });
    let (_, balance) = stage.list()?;
    stage.ensure(balance.0 == 10_000_000_000 - 27_738_000 - 69_340_000 - 10_000_000, "all of it booked")
}

fn stopped_at_once(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let kind = risk::Kind::Limit { price: Price(138_690), expires: stage.now().plus(Span::HOUR) };
    let entry = risk::Entry { kind, stop: Some(Price(138_680)), ..stage.entry(Side::Buy, 10) };
    stage.send(orders::Instruction::Open(entry));
    stage.tick(640, 650);
    heard!(stage, Report::Opened { price: Price(138_690), .. });
    heard!(stage, Report::Closed { price: Price(138_640), cause: ExitCause::Stop, .. });
    Ok(())
}

fn nets(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.positions = Positions::Netting)?;
    stage.tick(700, 708);
    let long = stage.opened(Side::Buy, 100)?;
    let order = stage.limit(Side::Sell, 150, 720);
    stage.tick(721, 729);
    heard!(stage, Report::Closed { id, ticket, lots: Lots(100), price: Price(138_720), profit: Money(12_000_000), cause: ExitCause::Netted, .. }
        if id == Some(order) && ticket == long);
    heard!(stage, Report::Opened { id, lots: Lots(50), rest: Lots(0), .. } if id == order);
    Ok(())
}
