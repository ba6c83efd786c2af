//! What closes or protects a position. Nothing that limits losses, and no level of the kill switch, stands in its way.

use crate::exposure::Exposure;
use crate::gate::Gate;
use crate::limits::StopChange;
use crate::margin::{ClosingOrder, oldest};
use crate::order::{Approved, Protection, Reduction, fits_lot_grid};
use crate::pace;
use crate::price;
use crate::proposal::{Holding, MarketView};
use crate::refusal::{Input, Refusal, Verdict};
use market::{Instrument, Lots, Points, Price, Side, StrategyId, SymbolId, Time};

/// No more may be closed than is open and not already being closed.
pub fn exceeds_open(lots: Lots, open: Lots) -> Verdict {
    Verdict::when(lots <= open, Refusal::ExceedsOpen { lots, open })
}

/// The stop of a position may only move towards the price, unless the profile says otherwise. It may never vanish.
pub fn stop_loosened(new: Option<Price>, current: Option<Price>, side: Side, rule: StopChange) -> Verdict {
    let tighter = |new: Price, current: Price| match side {
        Side::Buy => current <= new,
        Side::Sell => new <= current,
    };
    let passed = match (new, current, rule) {
        (_, None, _) | (Some(_), Some(_), StopChange::Free) => true,
        (None, Some(_), StopChange::Free | StopChange::TightenOnly) => false,
        (Some(new), Some(current), StopChange::TightenOnly) => tighter(new, current),
    };
    let shown = |price: Option<Price>| price.unwrap_or(Price(0));
    Verdict::when(passed, Refusal::StopLoosened { stop: shown(new), current: shown(current) })
}

/// A protection must change something.
pub fn unchanged(new: (Option<Price>, Option<Price>), current: (Option<Price>, Option<Price>)) -> Verdict {
    let shown = |price: Option<Price>| price.unwrap_or(Price(0));
    Verdict::when(new != current, Refusal::Unchanged { stop: shown(new.0), target: shown(new.1) })
}

impl Gate {
    /// Approves closing a position or a part of it. Refused only when it would close more than is open, something that is
    /// not the strategy's, or out of order, or when no message at all is left; entries always leave some for exits.
    ///
    /// # Errors
    /// The refusal.
    pub fn release(
        &mut self,
        reduction: Reduction,
        holding: &Holding,
        exposure: &Exposure,
        now: Time,
    ) -> Result<Approved<Reduction>, Refusal> {
        match self.judge_reduction(&reduction, holding, exposure, now) {
            Ok(()) => {
                self.messages.take(now);
                self.counters.reductions += 1;
                Ok(Approved::new(reduction))
            }
            Err(refusal) => {
                self.counters.count(&refusal);
                Err(refusal)
            }
        }
    }

    fn judge_reduction(
        &self,
        reduction: &Reduction,
        holding: &Holding,
        exposure: &Exposure,
        now: Time,
    ) -> Result<(), Refusal> {
        let instrument = self.instrument(reduction.symbol)?;
        let named = (reduction.strategy, reduction.symbol, reduction.ticket, reduction.side);
        ours(named == (holding.strategy, holding.symbol, holding.ticket, holding.side), reduction.strategy, holding)?;
        let lots = reduction.lots;
        let open = Lots(holding.lots.0.saturating_sub(holding.closing.0));
        let booked = exposure.side(reduction.symbol, reduction.side).free();
        exceeds_open(lots, open.at_most(booked)).check()?;
        let whole = lots == holding.lots;
        if lots.0 <= 0 || !(whole || fits_lot_grid(instrument, lots)) {
            return Err(Refusal::Malformed { input: Input::Lots, value: lots.0 });
        }
        let older = if whole { holding.older_of_size } else { holding.older };
        let order: ClosingOrder = self.limits.account.preset.closing();
        oldest(order, older).check()?;
        pace::message_rate(&self.messages, now, 0).check()
    }

    /// Approves a new stop and target for a position: the stop only tighter (unless the profile says otherwise), both
    /// outside the broker's stop level, and not while the price is within its freeze level.
    ///
    /// # Errors
    /// The refusal.
    pub fn protect(
        &mut self,
        protection: Protection,
        holding: &Holding,
        view: &MarketView,
        now: Time,
    ) -> Result<Approved<Protection>, Refusal> {
        match self.judge_protection(&protection, holding, view, now) {
            Ok(()) => {
                self.messages.take(now);
                self.counters.protections += 1;
                Ok(Approved::new(protection))
            }
            Err(refusal) => {
                self.counters.count(&refusal);
                Err(refusal)
            }
        }
    }

    fn judge_protection(
        &self,
        protection: &Protection,
        holding: &Holding,
        view: &MarketView,
        now: Time,
    ) -> Result<(), Refusal> {
        let instrument = self.instrument(protection.symbol)?;
        let named = (protection.strategy, protection.symbol, protection.ticket);
        ours(named == (holding.strategy, holding.symbol, holding.ticket), protection.strategy, holding)?;
        price::usable_quote(view.bid, view.ask).check()?;
        unchanged((protection.stop, protection.target), (holding.stop, holding.target)).check()?;
        let place = usize::from(protection.strategy.0);
        // A position of nobody's strategy was adopted from the venue; its stop may only tighten.
        let rule = self.limits.strategies.get(place).map_or(StopChange::TightenOnly, |profile| profile.stop_change);
        stop_loosened(protection.stop, holding.stop, holding.side, rule).check()?;
        let exit = view.exit(holding.side);
        for standing in [holding.stop, holding.target].into_iter().flatten() {
            price::frozen(exit.above(standing).abs(), instrument.freeze_level).check()?;
        }
        let sign = holding.side.sign();
        if let Some(stop) = protection.stop.filter(|stop| holding.stop != Some(*stop)) {
            on_tick(stop, instrument, Input::Stop)?;
            let distance = Points(exit.above(stop).0.saturating_mul(sign));
            price::stop_too_near(distance, Points(instrument.stop_level.0.max(1))).check()?;
        }
        if let Some(target) = protection.target.filter(|target| holding.target != Some(*target)) {
            on_tick(target, instrument, Input::Target)?;
            let distance = Points(target.above(exit).0.saturating_mul(sign));
            price::target_too_near(distance, instrument.stop_level).check()?;
        }
        pace::message_rate(&self.messages, now, self.limits.account.messages_for_exits).check()
    }

    /// Counts a cancel. Cancels are never refused; one beyond the message rate leaves a debt that entries must wait for.
    pub fn count_cancel(&mut self, now: Time) {
        self.messages.take(now);
        self.counters.cancels += 1;
    }

    fn instrument(&self, symbol: SymbolId) -> Result<&Instrument, Refusal> {
        let unknown = Refusal::UnknownSymbol { symbol, known: self.grounds.len() as u32 };
        self.grounds.get(usize::from(symbol.0)).map(|ground| &ground.instrument).ok_or(unknown)
    }
}

fn ours(same: bool, strategy: StrategyId, holding: &Holding) -> Result<(), Refusal> {
    Verdict::when(same, Refusal::NotOurs { strategy, owner: holding.strategy }).check()
}

fn on_tick(price: Price, instrument: &Instrument, input: Input) -> Result<(), Refusal> {
    let fits = price.0 > 0 && price.0 % instrument.tick_size.0.max(1) == 0;
    Verdict::when(fits, Refusal::Malformed { input, value: price.0 }).check()
}
