//! A spec into the parts of a desk, or every fault of it.

use features::Features;
use market::{Belief, StrategyId, SymbolId, Time, Usual};

use crate::counters::TickCounts;
use crate::desk::{Fault, Leg, Symbol};
use crate::rules::Rule;
use crate::spec::{ClassSpec, Conversion, Decide, Spec};

pub(crate) fn legs(spec: &Spec) -> Vec<Leg> {
    let mut legs = Vec::new();
    for (number, strategy) in spec.strategies.iter().enumerate() {
        for symbol in &strategy.symbols {
            let council = match &strategy.decide {
                Decide::Ensemble { class, .. } => council(&spec.classes, class, *symbol),
                Decide::Cross { .. } | Decide::Imbalance { .. } | Decide::Random { .. } => None,
            };
            legs.push(Leg {
                strategy: StrategyId(number as u16),
                symbol: *symbol,
                council,
                rule: Rule::new(&strategy.decide, legs.len() as u64),
                rests_until: Time::MIN,
            });
        }
    }
    legs
}

fn council(classes: &[ClassSpec], name: &str, symbol: SymbolId) -> Option<usize> {
    classes.iter().position(|class| class.name == name && class.symbol == symbol)
}

pub(crate) fn symbol(spec: &Spec, place: usize, legs: &[Leg]) -> Symbol {
    let own = &spec.symbols[place];
    let id = SymbolId(place as u16);
    let places = |found: &mut dyn Iterator<Item = (usize, bool)>| -> Vec<usize> {
        found.filter(|(_, is)| *is).map(|(place, _)| place).collect()
    };
    Symbol {
        instrument: own.instrument.clone(),
        conversion: own.conversion,
        belief: Belief::new(own.belief),
        usual: Usual::default(),
        features: Features::new(&own.features),
        last: None,
        counts: TickCounts::default(),
        followers: places(&mut spec.symbols.iter().map(|other| other.leader == Some(id)).enumerate()),
        councils: places(&mut spec.classes.iter().map(|class| class.symbol == id).enumerate()),
        legs: places(&mut legs.iter().map(|leg| leg.symbol == id).enumerate()),
    }
}

pub(crate) fn faults(spec: &Spec) -> Vec<Fault> {
    let mut faults = Vec::new();
    let known = |symbol: SymbolId| usize::from(symbol.0) < spec.symbols.len();
    for symbol in &spec.symbols {
        let named = match symbol.conversion {
            Conversion::Times(other) | Conversion::Over(other) => Some(other),
            Conversion::Same | Conversion::OwnMid | Conversion::Fixed { .. } => None,
        };
        if !symbol.leader.into_iter().chain(named).all(known) {
            faults.push(Fault::UnknownSymbol { by: symbol.instrument.name.clone() });
        }
    }
    for class in &spec.classes {
        if !known(class.symbol) {
            faults.push(Fault::UnknownSymbol { by: class.name.clone() });
        }
        if let Err(fault) = class.council.barrier.check() {
            faults.push(Fault::Barrier { class: class.name.clone(), fault });
        }
    }
    if spec.orders.exits.len() != spec.strategies.len() || spec.limits.strategies.len() != spec.strategies.len() {
        faults.push(Fault::Strategies);
    }
    for strategy in &spec.strategies {
        let named = || strategy.name.clone();
        if !strategy.symbols.iter().copied().all(known) {
            faults.push(Fault::UnknownSymbol { by: named() });
        }
        let has = |class: &str| strategy.symbols.iter().all(|symbol| council(&spec.classes, class, *symbol).is_some());
        match &strategy.decide {
            Decide::Ensemble { class, .. } if !has(class) => faults.push(Fault::NoCouncil { strategy: named() }),
            Decide::Ensemble { .. } => {}
            Decide::Cross { .. } | Decide::Imbalance { .. } | Decide::Random { .. } => {
                if strategy.stake == crate::spec::StakeSpec::Kelly {
                    faults.push(Fault::KellyWithoutProbability { strategy: named() });
                }
            }
        }
    }
    faults
}
