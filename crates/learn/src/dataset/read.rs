//! Parquet into columns, one at a time: what is held is what was asked for.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int8Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::dataset::meta::{KEY, Meta, SCHEMA};
use crate::dataset::write::SIDE_NAMES;
use crate::fault::Fault;

/// The most rows that are read from one file.
pub const ROWS_MAX: usize = 1 << 30;

/// Something that has columns of numbers: a file of rows, or rows in memory.
pub trait Columns: Sync {
    /// How many rows there are.
    fn rows(&self) -> usize;
    /// A column as numbers, NaN where there is no value; yes is one, no is zero.
    ///
    /// # Errors
    /// [`Fault`] when there is no such column or it cannot be read.
    fn column(&self, name: &str) -> Result<Vec<f64>, Fault>;
}

/// A file of rows.
#[derive(Debug, Clone)]
pub struct Dataset {
    path: PathBuf,
    meta: Meta,
    rows: usize,
}

impl Dataset {
    /// Opens a file and reads what it says about itself.
    ///
    /// # Errors
    /// [`Fault::File`] or [`Fault::Content`] when it is not a dataset of this schema.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let reader = builder(path)?;
        let footer = reader.metadata().file_metadata();
        let pairs = footer.key_value_metadata().into_iter().flatten();
        let text = pairs.filter(|pair| pair.key == KEY).find_map(|pair| pair.value.as_deref());
        let text = text.ok_or_else(|| Fault::content(path, &"is not a dataset: its footer says nothing about it"))?;
        let meta: Meta = serde_json::from_str(text).map_err(|error| Fault::content(path, &error))?;
        if meta.schema != SCHEMA {
            let found = &meta.schema;
            return Err(Fault::content(path, &format!("is of schema {found}, not {SCHEMA}: build it again")));
        }
        let rows = usize::try_from(footer.num_rows()).ok().filter(|rows| *rows <= ROWS_MAX);
        let rows = rows.ok_or_else(|| Fault::content(path, &"has more rows than can be read"))?;
        Ok(Self { path: path.to_owned(), meta, rows })
    }

    /// What the file says about itself.
    pub const fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A column of whole numbers; `None` where there is no value.
    ///
    /// # Errors
    /// [`Fault`] when there is no such column, it is of another type, or it cannot be read.
    pub fn whole(&self, name: &str) -> Result<Vec<Option<i64>>, Fault> {
        let mut values = Vec::with_capacity(self.rows);
        self.read(name, |array| match array.data_type() {
            DataType::Int64 => values.extend(array.as_primitive::<Int64Type>().iter()),
            DataType::Int8 => values.extend(array.as_primitive::<Int8Type>().iter().map(|v| v.map(i64::from))),
            _ => {}
        })?;
        if values.len() != self.rows {
            return Err(Fault::content(&self.path, &format!("column {name} does not hold whole numbers")));
        }
        Ok(values)
    }

    fn read(&self, name: &str, mut take: impl FnMut(&ArrayRef)) -> Result<(), Fault> {
        let reader = builder(&self.path)?;
        let columns = reader.parquet_schema();
        let place = columns.columns().iter().position(|column| column.name() == name);
        let place = place.ok_or_else(|| Fault::content(&self.path, &format!("has no column {name}")))?;
        let only = ProjectionMask::leaves(columns, [place]);
        let reader = reader.with_projection(only).with_batch_size(65_536).build();
        for batch in reader.map_err(|error| Fault::content(&self.path, &error))? {
            let batch = batch.map_err(|error| Fault::content(&self.path, &error))?;
            take(batch.column(0));
        }
        Ok(())
    }
}

fn builder(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, Fault> {
    let file = File::open(path).map_err(|error| Fault::file(path, &error))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| Fault::content(path, &error))
}

impl Columns for Dataset {
    fn rows(&self) -> usize {
        self.rows
    }

    fn column(&self, name: &str) -> Result<Vec<f64>, Fault> {
        let mut values = Vec::with_capacity(self.rows);
        self.read(name, |array| match array.data_type() {
            DataType::Float64 => values.extend(array.as_primitive::<Float64Type>().iter().map(or_nan)),
            DataType::Int64 => {
                values.extend(array.as_primitive::<Int64Type>().iter().map(|v| or_nan(v.map(|v| v as f64))));
            }
            DataType::Int8 => {
                values.extend(array.as_primitive::<Int8Type>().iter().map(|v| or_nan(v.map(f64::from))));
            }
            DataType::Boolean => {
                values.extend(array.as_boolean().iter().map(|v| or_nan(v.map(|v| f64::from(u8::from(v))))));
            }
            _ => {}
        })?;
        if values.len() != self.rows {
            return Err(Fault::content(&self.path, &format!("column {name} does not hold numbers")));
        }
        Ok(values)
    }
}

fn or_nan(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

/// The labels of one side, by row; rows without a label have weight zero.
#[derive(Debug, Clone, PartialEq)]
pub struct SideLabels {
    /// Whether it was worth it.
    pub won: Vec<bool>,
    /// Net profit in points.
    pub net: Vec<f64>,
    /// Uniqueness, zero where there is no label.
    pub weight: Vec<f64>,
    /// When the label was known; the row's own time where there is none.
    pub ended: Vec<i64>,
}

impl Dataset {
    /// The times of the rows, in nanoseconds since 1970.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn times(&self) -> Result<Vec<i64>, Fault> {
        Ok(self.whole("time")?.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// The labels of a side: 0 buys, 1 sells.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn labels(&self, side: usize) -> Result<SideLabels, Fault> {
        let name = SIDE_NAMES[side.min(1)];
        let zero = |values: Vec<f64>| values.into_iter().map(|v| if v.is_nan() { 0.0 } else { v }).collect();
        let times = self.times()?;
        let ended = self.whole(&format!("{name}_ended"))?;
        Ok(SideLabels {
            won: self.column(&format!("{name}_won"))?.into_iter().map(|v| v == 1.0).collect(),
            net: zero(self.column(&format!("{name}_net"))?),
            weight: zero(self.column(&format!("{name}_uniqueness"))?),
            ended: ended.iter().zip(&times).map(|(ended, time)| ended.unwrap_or(*time)).collect(),
        })
    }
}
