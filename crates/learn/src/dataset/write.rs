//! Rows into Parquet. The file is written beside its name and renamed when it is whole.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int8Builder, Int64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use ensemble::Outcome;
use features::{COUNT, Feature};
use market::Side;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::dataset::meta::{KEY, Meta};
use crate::dataset::row::{Came, Row};
use crate::fault::Fault;

/// Rows of a row group: what a reader holds of a column at once.
const ROW_GROUP: usize = 65_536;
/// The names of the sides in column names.
pub const SIDE_NAMES: [&str; 2] = ["buy", "sell"];
/// Regime columns: three probabilities, how open the gate is, and how likely a recent change is.
pub const REGIME_NAMES: [&str; 5] = ["regime_0", "regime_1", "regime_2", "regime_gate", "regime_change"];

/// The code of an outcome in a file.
pub const fn outcome_code(outcome: Outcome) -> i8 {
    match outcome {
        Outcome::Target => 1,
        Outcome::Stop => -1,
        Outcome::Timeout => 0,
    }
}

/// The columns of one side.
struct SideColumns {
    entered: Int64Builder,
    ended: Int64Builder,
    outcome: Int8Builder,
    won: BooleanBuilder,
    net: Float64Builder,
    uniqueness: Float64Builder,
}

/// The rows of a row group being filled.
struct Batch {
    schema: Arc<Schema>,
    number: Int64Builder,
    time: Int64Builder,
    bid: Int64Builder,
    ask: Int64Builder,
    features: Vec<Float64Builder>,
    regime: [Float64Builder; 5],
    primary: Int8Builder,
    meta_won: BooleanBuilder,
    sides: [SideColumns; 2],
    moved: Float64Builder,
    rows: usize,
}

/// The columns of a file in order.
pub fn schema() -> Schema {
    let whole = |name: &str, null| Field::new(name, DataType::Int64, null);
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    let mut fields = vec![whole("row", false), whole("time", false), whole("bid", false), whole("ask", false)];
    fields.extend(Feature::ALL.iter().map(|feature| number(feature.name())));
    fields.extend(REGIME_NAMES.map(number));
    fields.push(Field::new("primary_side", DataType::Int8, true));
    fields.push(Field::new("meta_won", DataType::Boolean, true));
    for side in SIDE_NAMES {
        fields.push(whole(&format!("{side}_entered"), true));
        fields.push(whole(&format!("{side}_ended"), true));
        fields.push(Field::new(format!("{side}_outcome"), DataType::Int8, true));
        fields.push(Field::new(format!("{side}_won"), DataType::Boolean, true));
        fields.push(number(&format!("{side}_net")));
        fields.push(number(&format!("{side}_uniqueness")));
    }
    fields.push(number("moved"));
    Schema::new(fields)
}

impl SideColumns {
    fn new() -> Self {
        Self {
            entered: Int64Builder::new(),
            ended: Int64Builder::new(),
            outcome: Int8Builder::new(),
            won: BooleanBuilder::new(),
            net: Float64Builder::new(),
            uniqueness: Float64Builder::new(),
        }
    }

    fn push(&mut self, came: Option<&Came>) {
        self.entered.append_option(came.map(|came| came.entered.0));
        self.ended.append_option(came.map(|came| came.ended.0));
        self.outcome.append_option(came.map(|came| outcome_code(came.outcome)));
        self.won.append_option(came.map(|came| came.won));
        self.net.append_option(came.map(|came| came.net));
        self.uniqueness.append_option(came.map(|came| came.uniqueness));
    }

    fn take(&mut self, into: &mut Vec<ArrayRef>) {
        into.push(Arc::new(self.entered.finish()));
        into.push(Arc::new(self.ended.finish()));
        into.push(Arc::new(self.outcome.finish()));
        into.push(Arc::new(self.won.finish()));
        into.push(Arc::new(self.net.finish()));
        into.push(Arc::new(self.uniqueness.finish()));
    }
}

impl Batch {
    fn new() -> Self {
        Self {
            schema: Arc::new(schema()),
            number: Int64Builder::new(),
            time: Int64Builder::new(),
            bid: Int64Builder::new(),
            ask: Int64Builder::new(),
            features: (0..COUNT).map(|_| Float64Builder::new()).collect(),
            regime: std::array::from_fn(|_| Float64Builder::new()),
            primary: Int8Builder::new(),
            meta_won: BooleanBuilder::new(),
            sides: [SideColumns::new(), SideColumns::new()],
            moved: Float64Builder::new(),
            rows: 0,
        }
    }

    fn push(&mut self, row: &Row) {
        self.number.append_value(row.number as i64);
        self.time.append_value(row.time.0);
        self.bid.append_value(row.bid.0);
        self.ask.append_value(row.ask.0);
        for (column, feature) in self.features.iter_mut().zip(Feature::ALL) {
            column.append_option(row.frame.get(*feature));
        }
        let regime = row.regime.filter(ensemble::RegimeView::is_warm);
        let regime = regime.map(|view| {
            let [quiet, usual, wild] = view.posterior;
            [quiet, usual, wild, view.gate, view.change_probability]
        });
        for (place, column) in self.regime.iter_mut().enumerate() {
            column.append_option(regime.map(|values| values[place]));
        }
        self.primary.append_option(row.primary.map(|side| if side == Side::Buy { 1 } else { -1 }));
        self.meta_won.append_option(row.primary_came().map(|came| came.won));
        for (side, came) in self.sides.iter_mut().zip(&row.came) {
            side.push(came.as_ref());
        }
        self.moved.append_option(row.moved);
        self.rows += 1;
    }

    fn take(&mut self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(self.number.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.bid.finish()),
            Arc::new(self.ask.finish()),
        ];
        for column in self.features.iter_mut().chain(&mut self.regime) {
            arrays.push(Arc::new(column.finish()));
        }
        arrays.push(Arc::new(self.primary.finish()));
        arrays.push(Arc::new(self.meta_won.finish()));
        self.sides.iter_mut().for_each(|side| side.take(&mut arrays));
        arrays.push(Arc::new(self.moved.finish()));
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }
}

/// Writes rows into a file that appears under its name only when it is whole.
pub struct Writer {
    out: PathBuf,
    partial: PathBuf,
    parquet: Option<ArrowWriter<File>>,
    batch: Batch,
    rows: u64,
}

impl Writer {
    /// A writer of a file; replaces one of that name when it is finished.
    ///
    /// # Errors
    /// [`Fault::File`].
    pub fn create(out: &Path, meta: &Meta) -> Result<Self, Fault> {
        let mut name = out.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let failed = |error: &dyn std::fmt::Display| Fault::File(out.display().to_string(), error.to_string());
        let text = serde_json::to_string(meta).map_err(|error| failed(&error))?;
        let file = File::create(&partial).map_err(|error| failed(&error))?;
        let level = ZstdLevel::try_new(3).map_err(|error| failed(&error))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_key_value_metadata(Some(vec![KeyValue::new(KEY.to_owned(), text)]))
            .set_created_by("scalpel".to_owned())
            .build();
        let batch = Batch::new();
        let parquet = ArrowWriter::try_new(file, Arc::clone(&batch.schema), Some(properties));
        let parquet = Some(parquet.map_err(|error| failed(&error))?);
        Ok(Self { out: out.to_owned(), partial, parquet, batch, rows: 0 })
    }

    /// Writes rows and clears the list.
    ///
    /// # Errors
    /// [`Fault::File`].
    pub fn write(&mut self, rows: &mut Vec<Row>) -> Result<(), Fault> {
        for row in rows.drain(..) {
            self.batch.push(&row);
            self.rows += 1;
            if self.batch.rows == ROW_GROUP {
                Self::flush(&self.out, &mut self.batch, self.parquet.as_mut())?;
            }
        }
        Ok(())
    }

    fn flush(out: &Path, batch: &mut Batch, parquet: Option<&mut ArrowWriter<File>>) -> Result<(), Fault> {
        let Some(parquet) = parquet.filter(|_| batch.rows > 0) else { return Ok(()) };
        let columns = batch.take().map_err(|error| Fault::file(out, &error))?;
        parquet.write(&columns).map_err(|error| Fault::file(out, &error))
    }

    /// Finishes the file, and gives it its name. Answers how many rows it has.
    ///
    /// # Errors
    /// [`Fault::File`].
    pub fn finish(mut self) -> Result<u64, Fault> {
        Self::flush(&self.out, &mut self.batch, self.parquet.as_mut())?;
        let Some(parquet) = self.parquet.take() else { return Ok(self.rows) };
        let file = parquet.into_inner().map_err(|error| Fault::file(&self.out, &error))?;
        file.sync_all().map_err(|error| Fault::file(&self.out, &error))?;
        std::fs::rename(&self.partial, &self.out).map_err(|error| Fault::file(&self.out, &error))?;
        Ok(self.rows)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.parquet.is_some() {
            // Nothing more can be done about a temporary file that cannot be removed.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}
