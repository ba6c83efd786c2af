//! Opening, closing, asking and being answered.

use super::{Broken, Play, Story, heard};
use crate::spec::{Conversion, Crossed, Execution, Latency, PartialClose, PartialFills, Positions, Rejects, Slippage};
use market::{Currency, Lots, Money, Points, Price, Side, Span, SymbolId};
use orders::{Instruction, OrderId, Reject, Report};
use risk::{Entry, ExitCause, Kind};

pub(super) const STORIES: &[Story] = &[
    ("a market order to buy is filled at the ask", buys_at_the_ask),
    ("a market order to sell is filled at the bid", sells_at_the_bid),
    ("a position is closed on the other side, and its profit is booked", closes_on_the_other_side),
    ("slippage makes a fill worse, both ways", slips),
    ("without a quote there is no fill", off_quotes),
    ("a request fills at the quote of its arrival", arrives_late),
    ("requests and reports keep their order", keeps_order),
    ("beyond the deviation an instant order is requoted", requotes),
    ("a busy venue says so", is_busy),
    ("a partial close gives the rest a new ticket", partial_close),
    ("a partial close may keep the ticket", partial_close_same_ticket),
    ("opposite positions live side by side", hedges),
    ("a netting account reduces, then turns", nets),
    ("a netting account grows one position", grows),
    ("a request sent twice is one request", idempotent),
    ("a refused request sent twice is refused twice", refused_twice),
    ("a request never heard of is said to be so", never_heard),
    ("a query repeats what was said", queries),
    ("the list holds every position and the balance", lists),
    ("an unknown position cannot be closed or changed", unknown_ticket),
    ("quoted sizes cap fills and are used up", quoted_sizes),
    ("a crossed quote leaves no profit", crossed_quote),
    ("a crossed quote may be refused", crossed_refused),
    ("buying and selling in one instant leaves no profit", one_instant),
    ("profit in another currency is converted", converts),
];

fn buys_at_the_ask(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let order = stage.open(Side::Buy, 100);
    heard!(stage, Report::Opened { id, price: Price(138_708), lots: Lots(100), rest: Lots(0), commission: Money(0), .. } if id == order);
    stage.ensure(stage.recent().len() == 1, "one report")
}

fn sells_at_the_bid(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let order = stage.open(Side::Sell, 100);
    heard!(stage, Report::Opened { id, price: Price(138_700), lots: Lots(100), rest: Lots(0), .. } if id == order);
    Ok(())
}

fn closes_on_the_other_side(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let long = stage.opened(Side::Buy, 100)?;
    let short = stage.opened(Side::Sell, 100)?;
    stage.tick(720, 728);
    let order = stage.close(long, Side::Buy, 100);
    // 12 points on one lot are 12 dollars.
    heard!(stage, Report::Closed { id, ticket, successor: None, price: Price(138_720), profit: Money(12_000_000), cause: ExitCause::Operator, .. }
        if id == Some(order) && ticket == long);
    stage.close(short, Side::Sell, 100);
    heard!(stage, Report::Closed { ticket, price: Price(138_728), profit: Money(-28_000_000), .. } if ticket == short);
    let (held, balance) = stage.list()?;
    stage.ensure(held.is_empty() && balance == Money::units(9_984), "nothing held and 9,984 dollars")
}

fn slips(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.symbols[0].slippage = Slippage::Fixed(Points(3)))?;
    stage.tick(700, 708);
    let long = stage.opened(Side::Buy, 100)?;
    heard!(stage, Report::Opened { price: Price(138_711), .. });
    stage.opened(Side::Sell, 100)?;
    heard!(stage, Report::Opened { price: Price(138_697), .. });
    stage.close(long, Side::Buy, 100);
    heard!(stage, Report::Closed { price: Price(138_697), .. });
    Ok(())
}

fn off_quotes(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.open(Side::Buy, 1);
    heard!(stage, Report::Rejected { reason: Reject::OffQuotes, .. });
    Ok(())
}

fn arrives_late(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| {
        spec.latency_to_venue = Latency::Fixed(Span::from_millis(1_500));
        spec.latency_to_us = Latency::Fixed(Span::from_millis(200));
    })?;
    stage.tick(700, 708);
    let sent = stage.now();
    let order = stage.open(Side::Buy, 1);
    stage.silence()?;
    stage.tick(710, 718);
    stage.silence()?;
    stage.wait(Span::from_millis(699));
    stage.silence()?;
    stage.wait(Span::from_millis(1));
    heard!(stage, Report::Opened { id, time, price: Price(138_718), .. }
        if id == order && time == sent.plus(Span::from_millis(1_500)));
    Ok(())
}

fn keeps_order(play: &Play<'_>) -> Result<(), Broken> {
    let millis = [400, 100, 300, 50].map(Span::from_millis);
    let mut stage = play.stage(|spec| {
        spec.latency_to_venue = Latency::Recorded(millis.to_vec());
        spec.latency_to_us = Latency::Recorded(millis.to_vec());
    })?;
    stage.tick(700, 708);
    let orders: Vec<OrderId> = (0..8).map(|_| stage.open(Side::Buy, 1)).collect();
    stage.wait(Span::from_secs(5));
    let opened: Vec<OrderId> = stage
        .recent()
        .iter()
        .filter_map(|r| if let Report::Opened { id, .. } = r { Some(*id) } else { None })
        .collect();
    stage.ensure(opened == orders, "eight fills in the order of their requests")
}

fn requotes(play: &Play<'_>) -> Result<(), Broken> {
    for (execution, requoted) in [(Execution::Instant, true), (Execution::Market, false)] {
        let mut stage = play.stage(|spec| spec.execution = execution)?;
        stage.tick(700, 708);
        let entry = stage.entry(Side::Buy, 1);
        stage.tick(710, 718);
        stage.send(Instruction::Open(entry));
        heard!(stage, Report::Opened { price: Price(138_718), .. });
        stage.tick(711, 719);
        stage.send(Instruction::Open(entry));
        if requoted {
            heard!(stage, Report::Rejected { reason: Reject::Requote, .. });
        } else {
            heard!(stage, Report::Opened { price: Price(138_719), .. });
        }
    }
    Ok(())
}

fn is_busy(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| {
        spec.rejects = Rejects::Drawn { requote_millionths: 0, busy_millionths: 1_000_000, off_quotes_millionths: 0 };
    })?;
    stage.tick(700, 708);
    stage.open(Side::Buy, 1);
    heard!(stage, Report::Rejected { reason: Reject::Busy, .. });
    let (held, _) = stage.list()?;
    stage.ensure(held.is_empty(), "nothing held")
}

fn partial_close(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let first = stage.opened(Side::Buy, 100)?;
    stage.close(first, Side::Buy, 30);
    let rest =
        heard!(stage, Report::Closed { ticket, successor: Some(rest), lots: Lots(30), .. } if ticket == first => rest);
    stage.ensure(rest != first, "a new ticket for the rest")?;
    stage.close(first, Side::Buy, 70);
    heard!(stage, Report::Rejected { reason: Reject::UnknownTicket, .. });
    let (held, _) = stage.list()?;
    stage.ensure(held.len() == 1, "one position")?;
    heard!(stage, Report::Held { ticket, lots: Lots(70), price: Price(138_708), .. } if ticket == rest);
    stage.close(rest, Side::Buy, 70);
    heard!(stage, Report::Closed { ticket, successor: None, lots: Lots(70), .. } if ticket == rest);
    Ok(())
}

fn partial_close_same_ticket(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.partial_close = PartialClose::SameTicket)?;
    stage.tick(700, 708);
    let ticket = stage.opened(Side::Buy, 100)?;
    stage.close(ticket, Side::Buy, 30);
    heard!(stage, Report::Closed { ticket: closed, successor, .. } if closed == ticket && successor == Some(ticket));
    stage.close(ticket, Side::Buy, 70);
    heard!(stage, Report::Closed { successor: None, lots: Lots(70), .. });
    Ok(())
}

fn hedges(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let long = stage.opened(Side::Buy, 10)?;
    let short = stage.opened(Side::Sell, 10)?;
    let (held, _) = stage.list()?;
    stage.ensure(held.len() == 2 && long != short, "two positions")?;
    heard!(stage, Report::Held { ticket, side: Side::Buy, .. } if ticket == long);
    heard!(stage, Report::Held { ticket, side: Side::Sell, .. } if ticket == short);
    Ok(())
}

fn nets(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.positions = Positions::Netting)?;
    stage.tick(700, 708);
    let long = stage.opened(Side::Buy, 100)?;
    let order = stage.open(Side::Sell, 40);
    heard!(stage, Report::Closed { id, ticket, lots: Lots(40), profit: Money(-3_200_000), cause: ExitCause::Netted, successor, .. }
        if id == Some(order) && ticket == long && successor == Some(long));
    stage.ensure(stage.recent().len() == 1, "no position opened")?;
    let order = stage.open(Side::Sell, 100);
    heard!(stage, Report::Closed { id, lots: Lots(60), successor: None, cause: ExitCause::Netted, .. } if id == Some(order));
    heard!(stage, Report::Opened { id, ticket, lots: Lots(40), rest: Lots(0), .. } if id == order && ticket != long);
    let (held, _) = stage.list()?;
    stage.ensure(held.len() == 1, "one position")?;
    heard!(stage, Report::Held { side: Side::Sell, lots: Lots(40), price: Price(138_700), .. });
    Ok(())
}

fn grows(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.positions = Positions::Netting)?;
    stage.tick(700, 708);
    let first = stage.opened(Side::Buy, 100)?;
    stage.tick(710, 718);
    let second = stage.opened(Side::Buy, 100)?;
    stage.ensure(first == second, "the same ticket")?;
    stage.tick(720, 728);
    stage.close(first, Side::Buy, 200);
    heard!(stage, Report::Closed { lots: Lots(200), profit: Money(14_000_000), .. });
    Ok(())
}

fn idempotent(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let entry = stage.entry(Side::Buy, 10);
    let order = stage.send(Instruction::Open(entry));
    let first = stage.recent().to_vec();
    stage.tick(710, 718);
    stage.send_as(order, Instruction::Open(entry));
    stage.ensure(stage.recent() == first, "the same answer")?;
    let (held, _) = stage.list()?;
    stage.ensure(held.len() == 1, "one position")
}

fn refused_twice(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    let entry = Entry { reference: Price(138_708), ..stage.entry(Side::Buy, 10) };
    let order = stage.send(Instruction::Open(entry));
    let first = stage.recent().to_vec();
    heard!(stage, Report::Rejected { .. });
    stage.tick(700, 708);
    stage.send_as(order, Instruction::Open(entry));
    stage.ensure(stage.recent() == first, "the same refusal, though it could be filled now")
}

fn never_heard(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    stage.open(Side::Buy, 1);
    for number in [0, 77] {
        let asked = OrderId::new(1, number);
        stage.query(asked);
        heard!(stage, Report::NeverHeard { id, .. } if id == asked);
    }
    Ok(())
}

fn queries(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let order = stage.open(Side::Buy, 10);
    let said = stage.recent().to_vec();
    stage.tick(710, 718);
    stage.query(order);
    stage.ensure(stage.recent() == said, "what was said before")?;
    let limit = stage.limit(Side::Buy, 10, 600);
    let cancel = stage.cancel(limit);
    stage.query(limit);
    heard!(stage, Report::Accepted { id, .. } if id == limit);
    heard!(stage, Report::Cancelled { id, .. } if id == limit);
    stage.query(cancel);
    heard!(stage, Report::Cancelled { id, .. } if id == limit);
    Ok(())
}

fn lists(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    let (held, balance) = stage.list()?;
    stage.ensure(held.is_empty() && balance == Money::units(10_000), "nothing but the balance")?;
    stage.tick(700, 708);
    stage.guarded(Side::Buy, 10, Some(650), Some(800));
    stage.opened(Side::Sell, 20)?;
    stage.list()?;
    heard!(
        stage,
        Report::Held { side: Side::Buy, lots: Lots(10), stop: Some(Price(138_650)), target: Some(Price(138_800)), .. }
    );
    heard!(stage, Report::Held { side: Side::Sell, lots: Lots(20), stop: None, target: None, .. });
    let last = stage.recent().last();
    stage.ensure(matches!(last, Some(Report::Listed { positions: 2, .. })), "the end of the list at its end")
}

fn unknown_ticket(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    stage.tick(700, 708);
    let long = stage.opened(Side::Buy, 10)?;
    stage.close(risk::Ticket(long.0 + 1), Side::Buy, 10);
    heard!(stage, Report::Rejected { reason: Reject::UnknownTicket, .. });
    stage.close(long, Side::Sell, 10);
    heard!(stage, Report::Rejected { reason: Reject::UnknownTicket, .. });
    stage.protect(risk::Ticket(long.0 + 1), Some(600), None);
    heard!(stage, Report::Rejected { reason: Reject::UnknownTicket, .. });
    stage.cancel(OrderId::new(1, 99));
    heard!(stage, Report::Rejected { reason: Reject::UnknownTicket, .. });
    Ok(())
}

fn quoted_sizes(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.partial_fills = PartialFills::QuotedSize { share_millionths: 500_000 })?;
    stage.tick_of((700, 100), (708, 100));
    stage.open(Side::Buy, 30);
    heard!(stage, Report::Opened { lots: Lots(30), rest: Lots(0), .. });
    stage.open(Side::Buy, 30);
    let ticket = heard!(stage, Report::Opened { ticket, lots: Lots(20), rest: Lots(0), .. } => ticket);
    stage.open(Side::Buy, 30);
    heard!(stage, Report::Rejected { reason: Reject::OffQuotes, .. });
    stage.close(ticket, Side::Buy, 20);
    heard!(stage, Report::Closed { lots: Lots(20), .. });
    stage.tick_of((700, 0), (708, 0));
    stage.open(Side::Buy, 300);
    heard!(stage, Report::Opened { lots: Lots(300), .. });
    Ok(())
}

fn crossed_quote(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    for _ in 0..10 {
        stage.tick(700, 708);
    }
    for (bid, ask, buy, sell) in [(720, 700, 714, 706), (710, 710, 714, 706), (711, 710, 715, 706)] {
        stage.tick(bid, ask);
        let long = stage.opened(Side::Buy, 100)?;
        heard!(stage, Report::Opened { price, .. } if price == Price(138_000 + buy));
        stage.close(long, Side::Buy, 100);
        heard!(stage, Report::Closed { price, profit, .. } if price == Price(138_000 + sell) && profit < Money::ZERO);
    }
    Ok(())
}

fn crossed_refused(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|spec| spec.crossed = Crossed::Refuse)?;
    stage.tick(700, 708);
    stage.guarded(Side::Buy, 10, Some(650), None);
    stage.tick(640, 630);
    stage.silence()?;
    stage.open(Side::Buy, 1);
    heard!(stage, Report::Rejected { reason: Reject::OffQuotes, .. });
    stage.tick(640, 648);
    heard!(stage, Report::Closed { cause: ExitCause::Stop, price: Price(138_640), .. });
    Ok(())
}

fn one_instant(play: &Play<'_>) -> Result<(), Broken> {
    let mut stage = play.stage(|_| {})?;
    for (bid, ask) in [(700, 708), (700, 701), (705, 700), (700, 700), (690, 740), (760, 650), (700, 708)] {
        stage.tick(bid, ask);
        for side in [Side::Buy, Side::Sell] {
            let ticket = stage.opened(side, 100)?;
            stage.close(ticket, side, 100);
            heard!(stage, Report::Closed { profit, .. } if profit <= Money::ZERO);
        }
    }
    Ok(())
}

fn converts(play: &Play<'_>) -> Result<(), Broken> {
    let dollars = Currency::new("USD");
    let (Some(dollars), Some(yen)) = (dollars, Currency::new("JPY")) else { return Ok(()) };
    // EURJPY in a dollar account: profit in yen, over the mid of USDJPY. Both with three digits.
    let mut stage = play.stage(|spec| {
        let mut other = spec.symbols[0].clone();
        other.instrument.symbol = SymbolId(1);
        other.instrument.name = String::from("USDJPY");
        (other.instrument.base, other.instrument.quote, other.instrument.digits) = (dollars, yen, 3);
        other.conversion = Conversion::ByOwnMid;
        let eurjpy = &mut spec.symbols[0];
        eurjpy.instrument.name = String::from("EURJPY");
        (eurjpy.instrument.quote, eurjpy.instrument.digits) = (yen, 3);
        eurjpy.conversion = Conversion::OverMid(SymbolId(1));
        spec.symbols.push(other);
    })?;
    stage.tick(700, 708);
    let kind = Kind::Market { deviation: Points(10) };
    stage.send(Instruction::Open(Entry { kind, ..stage.entry(Side::Buy, 100) }));
    heard!(stage, Report::Rejected { reason: Reject::OffQuotes, .. });
    stage.tick_with(SymbolId(1), (99_990, 0), (100_010, 0));
    let long = stage.opened(Side::Buy, 100)?;
    stage.tick(808, 812);
    stage.close(long, Side::Buy, 100);
    // 100 points of 0.001 yen on 100,000 euros are 10,000 yen, at 100 yen to the dollar.
    heard!(stage, Report::Closed { profit: Money(100_000_000), .. });
    Ok(())
}
