//! What the gate and the ledger must know of each instrument, checked once.

use crate::limits::{DrawdownRule, Limits, MessageRate, SpecFault, StrategyLimits};
use crate::margin::Preset;
use market::{Currency, Instrument, Money, Span, SymbolId};

/// How many currencies a ledger can hold.
pub(crate) const CURRENCIES_MAX: usize = 16;
/// How many executions a repeat throttle can count.
const REPEATS_MAX: u32 = 1_024;

/// An instrument, the places of its currencies in the ledger, and its leverage.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) instrument: Instrument,
    pub(crate) base: usize,
    pub(crate) quote: usize,
    pub(crate) leverage: Option<u32>,
}

/// The grounds of all instruments, or every fault of the limits.
pub(crate) fn lay(limits: &Limits, instruments: &[Instrument]) -> Result<Vec<Ground>, Vec<SpecFault>> {
    let mut faults = Vec::new();
    account_faults(limits, &mut faults);
    if limits.symbols.len() != instruments.len() || instruments.len() > usize::from(u16::MAX) {
        faults.push(SpecFault::SymbolsDoNotMatch);
    }
    let mut grounds = Vec::with_capacity(instruments.len());
    for (place, instrument) in instruments.iter().enumerate() {
        if usize::from(instrument.symbol.0) != place {
            faults.push(SpecFault::SymbolsDoNotMatch);
        }
        symbol_faults(limits, instrument, &mut faults);
        let slot = |currency: Currency| limits.currencies.iter().position(|limit| limit.currency == currency);
        if let (Some(base), Some(quote)) = (slot(instrument.base), slot(instrument.quote)) {
            let leverage = limits.account.preset.leverage(instrument.margin_class);
            grounds.push(Ground { instrument: instrument.clone(), base, quote, leverage });
        } else {
            faults.push(SpecFault::CurrencyWithoutLimit { symbol: instrument.symbol });
        }
    }
    for (place, strategy) in limits.strategies.iter().enumerate() {
        strategy_faults(strategy, place as u16, instruments.len(), &mut faults);
    }
    if faults.is_empty() { Ok(grounds) } else { Err(faults) }
}

fn is_rate(rate: &MessageRate) -> bool {
    rate.messages > 0 && rate.per.0 > 0 && rate.burst > 0
}

fn account_faults(limits: &Limits, faults: &mut Vec<SpecFault>) {
    let account = &limits.account;
    if !is_rate(&account.messages) || account.messages_for_exits >= account.messages.burst {
        faults.push(SpecFault::MessageRate);
    }
    let currencies = &limits.currencies;
    let twice = |(place, limit): (usize, &crate::limits::CurrencyLimit)| {
        currencies.iter().take(place).any(|earlier| earlier.currency == limit.currency)
    };
    if currencies.len() > CURRENCIES_MAX || currencies.iter().enumerate().any(twice) {
        faults.push(SpecFault::Currencies);
    }
    if let Preset::Custom(custom) = account.preset
        && custom.leverage.contains(&0)
    {
        faults.push(SpecFault::Leverage);
    }
    let amounts =
        [account.exposure.value_max, account.exposure.risk_max, account.loss.day_max, account.loss.drawdown_max];
    let nets = currencies.iter().map(|limit| limit.net_max);
    if amounts.into_iter().chain(nets).any(|amount| amount < Money::ZERO) || !is_in_day(account.day_start) {
        faults.push(SpecFault::Negative);
    }
}

fn is_in_day(span: Span) -> bool {
    0 <= span.0 && span < Span::DAY
}

fn symbol_faults(limits: &Limits, instrument: &Instrument, faults: &mut Vec<SpecFault>) {
    let symbol = instrument.symbol;
    let positive = [instrument.lot_step.0, instrument.lot_min.0, instrument.tick_size.0, instrument.contract_size];
    let digits = u32::from(instrument.digits) + u32::from(instrument.volume_digits);
    let levels = instrument.stop_level.0 < 0 || instrument.freeze_level.0 < 0;
    if positive.iter().any(|value| *value <= 0) || digits > 30 || levels {
        faults.push(SpecFault::InstrumentInvalid { symbol });
    }
    let Some(of) = limits.symbols.get(usize::from(symbol.0)) else { return };
    if of.price_move.window.0 < 32 {
        faults.push(SpecFault::PriceWindow { symbol });
    }
    let numbers = [
        of.price_collar.distance_max.0,
        of.price_move.move_max.0,
        of.order_volume.max.0,
        of.order_value.max.0,
        of.spread.max.0,
        of.stale.age_max.0,
        of.position.long_max.0,
        of.position.short_max.0,
    ];
    let multiple = of.spread.multiple_max;
    if numbers.iter().any(|number| *number < 0) || !(multiple.is_finite() && multiple > 0.0) {
        faults.push(SpecFault::Negative);
    }
}

fn strategy_faults(of: &StrategyLimits, strategy: u16, symbols: usize, faults: &mut Vec<SpecFault>) {
    let exists = |symbol: &SymbolId| usize::from(symbol.0) < symbols;
    if !of.symbols.iter().all(exists) || of.session.len() > 64 {
        faults.push(SpecFault::StrategySymbols { strategy });
    }
    if !is_rate(&of.messages) {
        faults.push(SpecFault::MessageRate);
    }
    let (repeats, duplicates) = (&of.repeats, &of.duplicates);
    let counts = 0 < repeats.executions_max && repeats.executions_max <= REPEATS_MAX;
    if !counts || duplicates.window.0 < 0 || repeats.window < duplicates.window {
        faults.push(SpecFault::Repeats { strategy });
    }
    let shut = |window: &crate::limits::SessionWindow| {
        window.weekdays.trailing_zeros() >= 7
            || !is_in_day(window.from)
            || window.until <= window.from
            || window.until > Span::DAY
    };
    if of.session.iter().any(shut) {
        faults.push(SpecFault::Session { strategy });
    }
    let (DrawdownRule::Diffusion { alpha, beta } | DrawdownRule::Binary { alpha, beta }) = of.drawdown;
    if [alpha, beta].iter().any(|part| !(part.is_finite() && 0.0 < *part && *part < 1.0)) {
        faults.push(SpecFault::Drawdown { strategy });
    }
    let launch = of.launch.map_or(Money::ZERO, |launch| launch.order_value_max);
    let amounts = [of.exposure.value_max, of.exposure.risk_max, of.loss.day_max, of.loss.drawdown_max, launch];
    if amounts.iter().any(|amount| *amount < Money::ZERO) {
        faults.push(SpecFault::Negative);
    }
}
