//! The checks of an entry in their order: what is cheap and shuts everything first, what must be computed later.

use crate::caps;
use crate::claim::{Claim, Stage, Terms};
use crate::gate::{Case, Gate, Place, side_place};
use crate::limits::StopRule;
use crate::loss;
use crate::margin;
use crate::order::{Entry, Kind};
use crate::pace::{self, Sent};
use crate::price;
use crate::proposal::{Rate, Stake};
use crate::refusal::{Input, Refusal, Verdict};
use crate::review::Review;
use crate::sizing::{self, Bounds};
use crate::stops::on_grid;
use crate::{calendar, loss::money};
use market::{Lots, Money, Points, Price, Side};

/// An order whose volume is not known yet.
struct Draft {
    price: Price,
    stop: Option<Points>,
    target: Option<Points>,
    rate: Rate,
}

impl Gate {
    pub(crate) fn judge(&self, case: &Case<'_>, review: &mut Review) -> Result<(Entry, Sent), Refusal> {
        let place = self.place(case, review)?;
        self.ask_latches(case, &place, review)?;
        self.ask_time(case, &place, review)?;
        ask_quote(case, &place, review)?;
        let draft = draft(case, &place, review)?;
        let lots = self.size(case, &place, &draft, review)?;
        let entry = draft.entry(case, lots);
        let unusable = Refusal::Malformed { input: Input::Value, value: lots.0 };
        let claim = case.exposure.appraise(&Terms::of(&entry), Stage::InFlight, draft.rate).ok_or(unusable)?;
        self.ask_order(case, &place, &claim, review)?;
        self.ask_exposure(case, &place, &claim, review)?;
        self.ask_margin(case, &claim, review)?;
        let sent = Sent { time: case.now, lots, price: draft.price };
        review.ask(pace::duplicate(place.recent, sent, &place.profile.duplicates))?;
        review.ask(pace::repeated_execution(place.recent, case.now, &place.profile.repeats))?;
        Ok((entry, sent))
    }

    /// Finds the strategy and the symbol, and whether the one may trade the other.
    fn place(&self, case: &Case<'_>, review: &mut Review) -> Result<Place<'_>, Refusal> {
        let (strategy, symbol) = (case.proposal.strategy, case.proposal.symbol);
        let (strategies, symbols) = (self.runners.len() as u32, self.grounds.len() as u32);
        let unknown = Refusal::UnknownStrategy { strategy, known: strategies };
        review.ask(Verdict::when(u32::from(strategy.0) < strategies, unknown))?;
        let runner = self.runners.get(usize::from(strategy.0)).ok_or(unknown)?;
        let profile = self.limits.strategies.get(usize::from(strategy.0)).ok_or(unknown)?;
        let unknown = Refusal::UnknownSymbol { symbol, known: symbols };
        review.ask(Verdict::when(u32::from(symbol.0) < symbols, unknown))?;
        let ground = self.grounds.get(usize::from(symbol.0)).ok_or(unknown)?;
        let limits = self.limits.symbols.get(usize::from(symbol.0)).ok_or(unknown)?;
        let window = self.windows.get(usize::from(symbol.0)).ok_or(unknown)?;
        review.ask(margin::permitted(ground.leverage, symbol, strategy))?;
        let recent = self.permit(strategy, symbol).and_then(|permit| runner.recent.get(permit));
        review.ask(Verdict::when(recent.is_some(), Refusal::NotPermitted { symbol, strategy }))?;
        let recent = &recent.ok_or(Refusal::NotPermitted { symbol, strategy })?[side_place(case.proposal.side)];
        Ok(Place { runner, profile, symbol: limits, ground, window, recent })
    }

    fn ask_latches(&self, case: &Case<'_>, place: &Place<'_>, review: &mut Review) -> Result<(), Refusal> {
        let faults = case.exposure.faults() as i64;
        review.ask(Verdict::when(faults == 0, Refusal::LedgerUnsound { faults, allowed: 0 }))?;
        if let Some(halt) = self.kill.standing(case.proposal.strategy, case.proposal.symbol) {
            return Err(Refusal::KillSwitch { level: halt.level, since: halt.time });
        }
        if place.runner.repeat_latch.is_some() {
            let max = place.profile.repeats.executions_max;
            return Err(Refusal::RepeatedExecution { executions: max.saturating_add(1), max });
        }
        review.ask(loss::strategy_day_loss(&place.runner.marks, &place.profile.loss))?;
        review.ask(loss::strategy_drawdown(&place.runner.marks, &place.profile.loss))?;
        review.ask(loss::account_day_loss(&self.account, &self.limits.account.loss))?;
        review.ask(loss::account_drawdown(&self.account, &self.limits.account.loss))
    }

    fn ask_time(&self, case: &Case<'_>, place: &Place<'_>, review: &mut Review) -> Result<(), Refusal> {
        review.ask(calendar::session(&place.profile.session, case.now))?;
        review.ask(calendar::blackout(&self.blackouts, &place.ground.instrument, case.now))?;
        review.ask(caps::launch_entries(place.runner.entries, place.profile.launch.as_ref(), case.now))?;
        review.ask(pace::message_rate(&self.messages, case.now, self.limits.account.messages_for_exits))?;
        review.ask(pace::strategy_message_rate(&place.runner.messages, case.now))
    }

    fn size(&self, case: &Case<'_>, place: &Place<'_>, draft: &Draft, review: &mut Review) -> Result<Lots, Refusal> {
        let instrument = &place.ground.instrument;
        let equity = case.view.account.equity;
        review.ask(caps::no_equity(equity))?;
        let lots = match case.proposal.stake {
            Stake::Fixed(lots) if lots.0 <= 0 => {
                return Err(Refusal::Malformed { input: Input::Lots, value: lots.0 });
            }
            Stake::Fixed(lots) => sizing::floored(lots, instrument, &mut review.sizing),
            Stake::Kelly(bet) => {
                let fraction = sizing::fraction(&bet, &place.runner.drawdown, &mut review.sizing)?;
                let bounds = Bounds {
                    instrument,
                    rate: draft.rate,
                    price: draft.price,
                    stop: draft.stop.unwrap_or(Points(i64::MAX)),
                    equity,
                    risk_max_ppm: place.profile.trade_risk.max_ppm,
                    volume_max: volume_max(place),
                    value_max: place.symbol.order_value.max,
                    currency_room: self.currency_room(case, place),
                    loss_room: self.loss_room(case, place),
                };
                sizing::volume(fraction, bet.loss, &bounds, &mut review.sizing)?
            }
        };
        review.ask(caps::too_small(lots, instrument.lot_min))?;
        review.ask(caps::order_volume(lots, volume_max(place)))?;
        Ok(lots)
    }

    /// What both currencies' limits leave for an order on this side.
    fn currency_room(&self, case: &Case<'_>, place: &Place<'_>) -> i128 {
        let direction = case.proposal.side.sign();
        let room = |currency: usize, direction: i64| match (
            case.exposure.currency(currency),
            self.limits.currencies.get(currency),
        ) {
            (Some(held), Some(limit)) => i128::from(limit.net_max.0) - held.furthest(direction),
            _ => 0,
        };
        room(place.ground.base, direction).min(room(place.ground.quote, -direction))
    }

    /// What the strategy and the account may still lose, less what their positions lose at their stops.
    fn loss_room(&self, case: &Case<'_>, place: &Place<'_>) -> i128 {
        let held = case.exposure.strategy(case.proposal.strategy).map_or(i128::from(i64::MAX), |book| book.risk);
        let strategy = place.runner.marks.room(&place.profile.loss) - held;
        let account = self.account.room(&self.limits.account.loss) - case.exposure.account().risk;
        strategy.min(account)
    }

    fn ask_order(&self, case: &Case<'_>, place: &Place<'_>, claim: &Claim, review: &mut Review) -> Result<(), Refusal> {
        let profile = place.profile;
        review.ask(caps::order_value(claim.value, place.symbol.order_value.max))?;
        review.ask(caps::launch_value(claim.value, profile.launch.as_ref(), case.now))?;
        let risk_max = caps::trade_risk_max(case.view.account.equity, profile.trade_risk.max_ppm);
        review.ask(caps::trade_risk(claim.risk, risk_max))?;
        review.ask(caps::loss_room(i128::from(claim.risk.0), self.loss_room(case, place)))
    }

    fn ask_exposure(
        &self,
        case: &Case<'_>,
        place: &Place<'_>,
        claim: &Claim,
        review: &mut Review,
    ) -> Result<(), Refusal> {
        let (exposure, side) = (case.exposure, claim.side);
        let (same, other) = (exposure.side(claim.symbol, side), exposure.side(claim.symbol, side.opposite()));
        let of_account = &self.limits.account;
        review.ask(margin::hedged(Lots(money(other.total()).0), of_account.preset.hedging()))?;
        review.ask(caps::symbol_position(&same, claim.lots, side, &place.symbol.position))?;
        let unknown = Refusal::UnknownStrategy { strategy: claim.strategy, known: 0 };
        let (strategy, account) = (exposure.strategy(claim.strategy).ok_or(unknown)?, exposure.account());
        let counts = [same.positions, same.orders, other.positions, other.orders];
        let of_symbol = counts.into_iter().fold(0, u32::saturating_add);
        review.ask(caps::position_count(of_symbol, place.symbol.position.positions_max))?;
        review.ask(caps::position_count(strategy.positions, place.profile.exposure.positions_max))?;
        review.ask(caps::position_count(account.positions, of_account.exposure.positions_max))?;
        review.ask(caps::strategy_value(strategy, claim.value, &place.profile.exposure))?;
        review.ask(caps::strategy_risk(strategy, claim.risk, &place.profile.exposure))?;
        review.ask(caps::account_value(account, claim.value, &of_account.exposure))?;
        review.ask(caps::account_risk(account, claim.risk, &of_account.exposure))?;
        for (currency, direction) in [(place.ground.base, side.sign()), (place.ground.quote, -side.sign())] {
            let limit = self.limits.currencies.get(currency).map_or(Money::ZERO, |limit| limit.net_max);
            let held = exposure.currency(currency).copied().unwrap_or_default();
            review.ask(caps::currency_net(&held, direction, claim.value, limit))?;
        }
        Ok(())
    }

    fn ask_margin(&self, case: &Case<'_>, claim: &Claim, review: &mut Review) -> Result<(), Refusal> {
        let account = &case.view.account;
        let used = case.exposure.account().margin;
        // Orders in flight have not taken their margin at the venue yet, so our own ledger may know of less than it says.
        let free = account.free_margin.min(money(i128::from(account.equity.0) - used));
        review.ask(margin::margin(claim.margin, free))?;
        let used = money(used + i128::from(claim.margin.0));
        review.ask(margin::margin_level(account.equity, used, self.limits.account.margin_level_min_percent))
    }
}

/// The largest order, ours or the venue's.
fn volume_max(place: &Place<'_>) -> Lots {
    place.symbol.order_volume.max.at_most(place.ground.instrument.lot_max)
}

fn ask_quote(case: &Case<'_>, place: &Place<'_>, review: &mut Review) -> Result<(), Refusal> {
    let (view, limits) = (case.view, place.symbol);
    let (symbol, strategy) = (case.proposal.symbol, case.proposal.strategy);
    price::usable_quote(view.bid, view.ask).check()?;
    review.ask(price::crossed_quote(view.bid, view.ask))?;
    review.ask(price::stale_quote(view.quoted, case.now, &limits.stale))?;
    review.ask(price::wide_spread(view.spread(), &limits.spread))?;
    review.ask(price::unusual_spread(view.spread(), view.spread_usual, &limits.spread)?)?;
    let level = view.bid.0.saturating_add(view.ask.0);
    let moved = place.window.range(case.now, level).ok_or(Refusal::NoReference { symbol, strategy })?;
    review.ask(price::price_move(moved, &limits.price_move))
}

/// The order without its volume: price, stop and target on the grid and far enough apart.
fn draft(case: &Case<'_>, place: &Place<'_>, review: &mut Review) -> Result<Draft, Refusal> {
    let (proposal, instrument) = (case.proposal, &place.ground.instrument);
    let (symbol, strategy) = (proposal.symbol, proposal.strategy);
    let (price, deviation) = priced(case, instrument.tick_size)?;
    let reference = price::reference(case.view.reference, symbol, strategy)?;
    review.ask(price::price_collar(price, deviation, reference, &place.symbol.price_collar))?;
    let spread = case.view.spread();
    let stop = distance(proposal.stop, instrument.tick_size, Input::Stop)?;
    let target = distance(proposal.target, instrument.tick_size, Input::Target)?;
    let needed = place.profile.stop == StopRule::Required || matches!(proposal.stake, Stake::Kelly(_));
    review.ask(Verdict::when(stop.is_some() || !needed, Refusal::NoStop { symbol, strategy }))?;
    if let Some(stop) = stop {
        review.ask(price::stop_too_near(stop, price::nearest_stop(instrument.stop_level, spread)))?;
    }
    if let Some(target) = target {
        let from_exit = Points(target.0.saturating_add(spread.0));
        review.ask(price::target_too_near(from_exit, instrument.stop_level))?;
    }
    // Stop and target must be prices: a stop below zero, or a target beyond the range, is none.
    let below = if proposal.side == Side::Buy { stop } else { target };
    let above = if proposal.side == Side::Buy { target } else { stop };
    let fits_below = below.is_none_or(|distance| distance.0 < price.0);
    let fits_above = above.is_none_or(|distance| price.0.checked_add(distance.0).is_some());
    if !(fits_below && fits_above) {
        let value = below.or(above).map_or(0, |distance| distance.0);
        return Err(Refusal::Malformed { input: Input::Stop, value });
    }
    let rate = case.view.rate;
    review.ask(Verdict::when(rate.is_some(), Refusal::NoConversion { symbol, strategy }))?;
    let rate = rate.ok_or(Refusal::NoConversion { symbol, strategy })?;
    Ok(Draft { price, stop, target, rate })
}

/// The price that an order is valued at, and how much worse it may be filled.
fn priced(case: &Case<'_>, tick_size: Points) -> Result<(Price, Points), Refusal> {
    match case.proposal.kind {
        Kind::Market { deviation } if deviation.0 < 0 => {
            Err(Refusal::Malformed { input: Input::Deviation, value: deviation.0 })
        }
        Kind::Market { deviation } => Ok((case.view.entry(case.proposal.side), deviation)),
        Kind::Limit { expires, .. } if expires <= case.now => {
            Err(Refusal::Malformed { input: Input::Expiry, value: expires.0 })
        }
        Kind::Limit { price, .. } if price.0 <= 0 || price.0 % tick_size.0.max(1) != 0 => {
            Err(Refusal::Malformed { input: Input::LimitPrice, value: price.0 })
        }
        Kind::Limit { price, .. } => Ok((price, Points(0))),
    }
}

/// A stop's or target's distance, rounded up to the price grid.
fn distance(wanted: Option<Points>, tick_size: Points, input: Input) -> Result<Option<Points>, Refusal> {
    let Some(wanted) = wanted else { return Ok(None) };
    let unusable = Refusal::Malformed { input, value: wanted.0 };
    if wanted.0 <= 0 {
        return Err(unusable);
    }
    on_grid(wanted, tick_size).map(Some).ok_or(unusable)
}

impl Draft {
    fn entry(&self, case: &Case<'_>, lots: Lots) -> Entry {
        let proposal = case.proposal;
        let (worse, better) = match proposal.side {
            Side::Buy => (-1, 1),
            Side::Sell => (1, -1),
        };
        let at = |distance: Points, sign: i64| self.price.plus(Points(distance.0.saturating_mul(sign)));
        Entry {
            strategy: proposal.strategy,
            symbol: proposal.symbol,
            side: proposal.side,
            lots,
            kind: proposal.kind,
            reference: case.view.entry(proposal.side),
            stop: self.stop.map(|stop| at(stop, worse)),
            target: self.target.map(|target| at(target, better)),
        }
    }
}
