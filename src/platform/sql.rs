//! SQL inside a Durable Object, safely.
//!
//! Every JavaScript call catches, every cursor of a query is drained (an undrained `RETURNING` breaks the commit,
//! cloudflare/workerd#959), nothing calls `one()`, integers are exact or an error. Statements are constants, so that the
//! text is interned and the platform's statement cache hits; values are always bound.
//! Declare columns STRICT and INTEGER: every number is bound as a REAL and only the column turns it back.

use wasm_bindgen::{JsCast, intern, prelude::*};

use crate::{
    error::{Error, Result},
    platform::{costs, message_of},
};

#[wasm_bindgen]
extern "C" {
    /// `ctx.storage.sql`.
    #[derive(Clone)]
    pub type Database;
    #[wasm_bindgen(method, catch, variadic)]
    fn exec(this: &Database, statement: &str, values: &[JsValue]) -> std::result::Result<Cursor, JsValue>;

    type Cursor;
    /// Rows that the statement has written so far, those of indexes too: what Cloudflare bills.
    #[wasm_bindgen(method, getter, js_name = rowsWritten)]
    fn rows_written(this: &Cursor) -> Option<f64>;
    #[wasm_bindgen(method, catch)]
    fn raw(this: &Cursor) -> std::result::Result<RawRows, JsValue>;

    type RawRows;
    #[wasm_bindgen(method, catch, js_name = toArray)]
    fn to_array(this: &RawRows) -> std::result::Result<js_sys::Array, JsValue>;
}

/// The database of an object.
#[derive(Clone)]
pub struct Sql {
    database: Database,
    lazy: &'static [LazyTable],
}

/// A table that is made when the first row is put into it; until then it is as if it were empty. Making a table is billed as two
/// rows, an index as one, and most objects never need most of theirs.
///
/// A query that names one finds nothing before, also in others that it names: ask for what is in them apart.
pub struct LazyTable {
    /// Its name.
    pub name: &'static str,
    /// Makes it, with its indexes.
    pub create: &'static [Write],
}

/// A value to bind.
#[repr(transparent)]
pub struct Value(JsValue);

/// Integers beyond this are not exact as JavaScript numbers.
const EXACT: u64 = 1 << 53;

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value(JsValue::from_str(text))
    }
}
impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value(JsValue::from_str(text))
    }
}
impl From<i64> for Value {
    fn from(integer: i64) -> Value {
        if integer.unsigned_abs() <= EXACT {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            Value(JsValue::from_f64(integer as f64))
        } else {
            // An INTEGER column turns decimal text back exactly.
            Value(JsValue::from_str(&integer.to_string()))
        }
    }
}
impl From<u64> for Value {
    fn from(integer: u64) -> Value {
        Value::from(i64::try_from(integer).unwrap_or(i64::MAX))
    }
}
impl From<u32> for Value {
    fn from(integer: u32) -> Value {
        Value::from(i64::from(integer))
    }
}
impl From<bool> for Value {
    fn from(yes: bool) -> Value {
        Value::from(i64::from(yes))
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Value {
        option.map_or(Value(JsValue::NULL), Into::into)
    }
}

/// A row of a result; columns are read from left to right by number.
pub struct Row(js_sys::Array);

impl Row {
    /// A column that is text and not null.
    ///
    /// # Errors
    /// `Internal` when it is not.
    pub fn text(&self, column: u32) -> Result<String> {
        self.0.get(column).as_string().ok_or_else(|| Error::Internal(format!("column {column} is not text")))
    }

    /// A column that is text or null.
    ///
    /// # Errors
    /// `Internal` when it is neither.
    pub fn optional_text(&self, column: u32) -> Result<Option<String>> {
        if self.0.get(column).is_null() { Ok(None) } else { self.text(column).map(Some) }
    }

    /// A column that is an integer of at most 2^53.
    ///
    /// # Errors
    /// `Internal` when it is not.
    pub fn integer(&self, column: u32) -> Result<i64> {
        #[expect(clippy::cast_precision_loss, reason = "2^53 is exact")]
        let limit = EXACT as f64;
        match self.0.get(column).as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            Some(number) if number.fract() == 0.0 && number.abs() <= limit => Ok(number as i64),
            _ => Err(Error::Internal(format!("column {column} is not an exact integer"))),
        }
    }

    /// A column that is an integer or null.
    ///
    /// # Errors
    /// `Internal` when it is neither.
    pub fn optional_integer(&self, column: u32) -> Result<Option<i64>> {
        if self.0.get(column).is_null() { Ok(None) } else { self.integer(column).map(Some) }
    }

    /// A column that is a count.
    ///
    /// # Errors
    /// `Internal` when it is negative or no integer.
    pub fn count(&self, column: u32) -> Result<u64> {
        u64::try_from(self.integer(column)?).map_err(|_| Error::Internal(format!("column {column} is negative")))
    }

    /// A column that is a count or null.
    ///
    /// # Errors
    /// `Internal` when it is neither.
    pub fn optional_count(&self, column: u32) -> Result<Option<u64>> {
        if self.0.get(column).is_null() { Ok(None) } else { self.count(column).map(Some) }
    }
}

/// A statement that returns no rows: its cursor needs no draining.
pub struct Write(&'static str);

impl Write {
    /// Use only in constants: the check then happens at compile time.
    #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "runs in the compiler")]
    pub const fn new(statement: &'static str) -> Write {
        let (text, word) = (statement.as_bytes(), b"RETURNING");
        let mut start = 0;
        while start + word.len() <= text.len() {
            let mut length = 0;
            while length < word.len() && text[start + length].to_ascii_uppercase() == word[length] {
                length += 1;
            }
            assert!(length < word.len(), "a write with RETURNING must be read to its end: make it a query");
            start += 1;
        }
        Write(statement)
    }
}

impl Sql {
    /// The database, whose tables in `lazy` are made when they are needed.
    pub fn new(database: Database, lazy: &'static [LazyTable]) -> Sql {
        Sql { database, lazy }
    }

    /// Runs a write.
    ///
    /// # Errors
    /// `Internal` with SQLite's words.
    pub fn run(&self, write: &Write, values: &[Value]) -> Result<()> {
        let outcome = match self.exec(write.0, values) {
            Err(exception) => match self.lacking(&exception) {
                Some(table) if write.0.starts_with("insert") => {
                    table.create.iter().try_for_each(|create| self.run(create, &[]))?;
                    self.exec(write.0, values)
                }
                // There is nothing to change.
                Some(_) => return Ok(()),
                None => Err(exception),
            },
            done => done,
        };
        outcome.map(|cursor| count(write.0, &cursor)).map_err(failed)
    }

    /// Is there a table of that name? Writes nothing.
    ///
    /// # Errors
    /// `Internal` with SQLite's words.
    pub fn has_table(&self, name: &str) -> Result<bool> {
        let found = self.row("select 1 from sqlite_master where type = 'table' and name = ?", &[name.into()])?;
        Ok(found.is_some())
    }

    /// All rows of a query, which is run to its end.
    ///
    /// # Errors
    /// `Internal` with SQLite's words.
    pub fn rows(&self, query: &'static str, values: &[Value]) -> Result<Vec<Row>> {
        let cursor = match self.exec(query, values) {
            Err(exception) if self.lacking(&exception).is_some() => return Ok(Vec::new()),
            outcome => outcome.map_err(failed)?,
        };
        let rows = cursor.raw().and_then(|rows| rows.to_array()).map_err(failed)?;
        count(query, &cursor);
        Ok(rows.iter().map(|row| Row(row.unchecked_into())).collect())
    }

    /// The only row of a query, or `None`.
    ///
    /// # Errors
    /// `Internal` when there is more than one.
    pub fn row(&self, query: &'static str, values: &[Value]) -> Result<Option<Row>> {
        let mut rows = self.rows(query, values)?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            count => Err(Error::Internal(format!("{count} rows where one was expected"))),
        }
    }

    fn exec(&self, statement: &'static str, values: &[Value]) -> std::result::Result<Cursor, JsValue> {
        // SAFETY: Value is repr(transparent) over JsValue.
        let values = unsafe { &*(std::ptr::from_ref(values) as *const [JsValue]) };
        self.database.exec(intern(statement), values)
    }

    /// The table that is not there yet, if a statement failed because of that. Asked of SQLite each time, so it is right
    /// whatever was rolled back.
    fn lacking(&self, exception: &JsValue) -> Option<&'static LazyTable> {
        let said = message_of(exception);
        let name = said.split_once("no such table: ")?.1;
        let name = name.split_once(':').map_or(name, |(name, _)| name);
        self.lazy.iter().find(|table| table.name == name)
    }
}

fn count(statement: &str, cursor: &Cursor) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
    let written = cursor.rows_written().unwrap_or_default() as u64;
    costs::rows_written(statement, written);
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn failed(exception: JsValue) -> Error {
    let said = message_of(&exception);
    // What follows is a piece of what SQLite was given, which for a search is made of what was typed.
    let what = said.split_once(" near ").map_or(said.as_str(), |(what, _)| what);
    Error::Internal(format!("SQL: {what}"))
}
