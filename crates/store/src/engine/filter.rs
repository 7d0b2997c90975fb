//! What a list is asked for: `?field=value`, `?field.gte=`, `.gt`, `.lte`, `.lt`, `.in=a,b`, `?name=` over sealed
//! names, `sort`, `limit`, `cursor`, `fields`, `total`. Anything else is refused with the names that exist.

use super::Resource;
use crate::{
    Tx,
    catalog::{Column, Kind, Table},
    seal::{Search, name_words},
};
use salus_core::{Error, FieldError, Result};
use std::fmt::Write as _;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// A value bound to a statement.
pub type Bound = Box<dyn ToSql + Sync + Send>;

/// A list request, understood.
pub struct Request<'a> {
    /// `AND …` conditions over the alias `t`.
    pub conditions: String,
    /// Their values, from `$1` on.
    pub values: Vec<Bound>,
    /// Words of a name to find.
    pub words: Vec<String>,
    /// The column to sort by besides `id`, and whether downwards.
    pub sort: Option<&'a Column>,
    /// Newest or largest first.
    pub descending: bool,
    /// Rows on the page.
    pub limit: usize,
    /// Where to go on.
    pub cursor: Option<String>,
    /// Columns to show.
    pub fields: Vec<String>,
    /// Count all matches too.
    pub total: bool,
    /// The request without its cursor: a cursor serves only the request it came from.
    pub shape: String,
}

const RESERVED: [&str; 6] = ["sort", "limit", "cursor", "fields", "total", "name"];
/// Rows on a page when not asked, and at most.
const LIMIT: (usize, usize) = (50, 200);

impl<'a> Request<'a> {
    /// Reads the query parameters of a list.
    ///
    /// # Errors
    /// [`Error::Invalid`], naming each parameter that cannot be used and what can.
    pub fn parse(tx: &Tx, resource: &Resource, table: &'a Table, query: &[(String, String)]) -> Result<Self> {
        let mut request = Self {
            conditions: String::new(),
            values: Vec::new(),
            words: Vec::new(),
            sort: None,
            descending: true,
            limit: LIMIT.0,
            cursor: None,
            fields: Vec::new(),
            total: false,
            shape: String::new(),
        };
        let mut wrong = Vec::new();
        // Found by tokens, names come in the order of their rows, as many as asked for.
        for refused in ["sort", "total"] {
            if query.iter().any(|(n, _)| n == "name") && query.iter().any(|(n, _)| n == refused) {
                let message = format!("Cannot be given with name: leave {refused} out");
                wrong.push(FieldError::new(refused, "not_allowed", message));
            }
        }
        for (name, value) in query {
            if name != "cursor" {
                let _ = write!(request.shape, "{name}={value}&");
            }
            if let Some(column) = withheld(tx, table, name, value) {
                wrong.push(FieldError::new(
                    name,
                    "field_masked",
                    format!("{column} is left out of what you are answered, so it finds nothing"),
                ));
                continue;
            }
            let read = if RESERVED.contains(&name.as_str()) {
                request.reserved(resource, table, name, value)
            } else {
                request.filter(tx, resource, table, (name, value))
            };
            match read {
                Err(Error::Invalid(errors)) => wrong.extend(errors),
                other => other?,
            }
        }
        if wrong.is_empty() { Ok(request) } else { Err(Error::Invalid(wrong)) }
    }

    fn reserved(&mut self, resource: &Resource, table: &'a Table, name: &str, value: &str) -> Result<()> {
        let refuse = |message: String| Err(Error::invalid(name, "not_allowed", message));
        match name {
            "limit" => match value.parse() {
                Ok(n) if (1..=LIMIT.1).contains(&n) => self.limit = n,
                _ => return refuse(format!("Is a number from 1 to {}", LIMIT.1)),
            },
            "cursor" => self.cursor = Some(value.to_owned()),
            "fields" => self.fields = value.split(',').filter(|f| !f.is_empty()).map(str::to_owned).collect(),
            "total" => match value.parse() {
                Ok(wanted) => self.total = wanted,
                Err(_) => return refuse("Is true or false".into()),
            },
            "name" => {
                if table.name_columns().next().is_none() {
                    return refuse(format!("{} holds no names to search", table.name));
                }
                self.words = name_words(value);
                if self.words.is_empty() {
                    return refuse("Give at least one word of the name".into());
                }
            }
            _ => {
                let column = value.trim_start_matches('-');
                self.descending = value.starts_with('-');
                self.sort = match table.column(column) {
                    Some(c) if column == "id" => Some(c).filter(|_| false),
                    Some(c) if sortable(resource, c) => Some(c),
                    _ => return refuse(format!("Is one of: {}", sort_names(resource, table))),
                };
            }
        }
        Ok(())
    }

    fn filter(&mut self, tx: &Tx, resource: &Resource, table: &'a Table, given: (&str, &str)) -> Result<()> {
        let (name, value) = given;
        let (field, operator) = name.split_once('.').unwrap_or((name, "eq"));
        let refuse = |code: &str, message: String| Err(Error::invalid(name, code, message));
        let Some(column) = table.column(field).filter(|c| resource.filters.contains(&field) || c.name == "id") else {
            return refuse(
                "unknown_filter",
                format!("Is not a filter here. Filters are: {}", resource.filters.join(", ")),
            );
        };
        if column.is_sealed() {
            let Some(search) = column.search.filter(|s| *s != Search::Name && operator == "eq") else {
                return refuse("not_allowed", "A sealed field can only be compared for equality".into());
            };
            if search == Search::Date && parse_date(value).is_none() {
                return refuse("wrong_type", "Is a date such as 2026-11-21".into());
            }
            let column = blind_column(table, field)?;
            let mut blind =
                tx.keys().indexes().map(|key| key.blind(column, search, value)).collect::<Result<Vec<_>>>()?;
            match blind.len() {
                1 => self.bind(&format!("t.{field}_bidx = $#::bytea"), Box::new(blind.remove(0))),
                // The index key is being exchanged.
                _ => self.bind(&format!("t.{field}_bidx = ANY($#::bytea[])"), Box::new(blind)),
            }
            return Ok(());
        }
        let sign = match operator {
            "eq" => "=",
            "gte" => ">=",
            "gt" => ">",
            "lte" => "<=",
            "lt" => "<",
            "in" => {
                let list: Vec<String> = value.split(',').map(str::to_owned).collect();
                if list.len() > 200 {
                    return refuse("not_allowed", "Names at most 200 values".into());
                }
                for one in &list {
                    bound(column, one)?;
                }
                self.bind(&format!("t.{field} = ANY($#::text[]::{}[])", cast(column.kind)), Box::new(list));
                return Ok(());
            }
            _ => return refuse("unknown_operator", "Compare with .gte, .gt, .lte, .lt or .in".into()),
        };
        if value == "null" && operator == "eq" {
            let _ = write!(self.conditions, " AND t.{field} IS NULL");
            return Ok(());
        }
        self.bind(&format!("t.{field} {sign} $#::{}", cast(column.kind)), bound(column, value)?);
        Ok(())
    }

    /// Narrows the list to these rows.
    pub fn among(&mut self, ids: Vec<Uuid>) {
        self.bind(&format!("t.{} = ANY($#::uuid[])", "id"), Box::new(ids));
    }

    fn bind(&mut self, condition: &str, value: Bound) {
        self.values.push(value);
        let place = format!("${}", self.values.len());
        let _ = write!(self.conditions, " AND {}", condition.replacen("$#", &place, 1));
    }
}

/// The column that a parameter would tell about and that the caller is not answered, because it is masked or because they may
/// not open it: as a filter, an order, or a search by name. Who could look for a name they may not read would only have to guess.
fn withheld<'a>(tx: &Tx, table: &'a Table, name: &'a str, value: &'a str) -> Option<&'a str> {
    let is = |column: &&Column| tx.masks(&table.name, &column.name) || !tx.may_open(table, column);
    let found = match name {
        "name" => table.name_columns().find(is),
        "sort" => table.column(value.trim_start_matches('-')).filter(is),
        _ => table.column(name.split_once('.').map_or(name, |(field, _)| field)).filter(is),
    };
    found.map(|column| column.name.as_str())
}

/// The number under which a blind index is keyed: that of the sealed column beside it.
pub fn blind_column(table: &Table, field: &str) -> Result<u32> {
    table.column(field).map(|c| c.column_id).ok_or_else(|| Error::internal(format!("no column {field}")))
}

/// Only columns of indexed types keep a stable order of pages. Of those that may be null only times: nulls come last
/// then, and the empty key of a cursor means them.
fn sortable(resource: &Resource, column: &Column) -> bool {
    let kind = matches!(
        column.kind,
        Kind::Text | Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Date | Kind::Timestamp | Kind::Uuid
    );
    let named =
        resource.filters.contains(&column.name.as_str()) || matches!(column.name.as_str(), "created_at" | "updated_at");
    let times = matches!(column.kind, Kind::Date | Kind::Timestamp);
    kind && named && (column.required || times)
}

/// What a list of this resource can be sorted by, for messages and OpenAPI.
pub fn sort_names(resource: &Resource, table: &Table) -> String {
    let names = table.columns.iter().filter(|c| c.name == "id" || sortable(resource, c)).map(|c| c.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

/// The type a text parameter is cast to.
pub fn cast(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Sealed(_) => "text",
        Kind::Bool => "boolean",
        Kind::Int2 => "smallint",
        Kind::Int4 => "integer",
        Kind::Int8 => "bigint",
        Kind::Float8 => "double precision",
        Kind::Numeric => "numeric",
        Kind::Date => "date",
        Kind::Timestamp => "timestamptz",
        Kind::Uuid => "uuid",
        Kind::Json => "jsonb",
        Kind::TextArray => "text[]",
        Kind::Bytes | Kind::Blind | Kind::Xid => "bytea",
    }
}

/// A text as the value of a column.
///
/// # Errors
/// [`Error::Invalid`] naming the field and the form it has.
pub fn bound(column: &Column, text: &str) -> Result<Bound> {
    let wrong = |form: &str| Error::invalid(&column.name, "wrong_type", format!("Is {form}"));
    Ok(match column.kind {
        Kind::Text => Box::new(text.to_owned()),
        Kind::Bool => Box::new(text.parse::<bool>().map_err(|_| wrong("true or false"))?),
        Kind::Int2 => Box::new(text.parse::<i16>().map_err(|_| wrong("a whole number"))?),
        Kind::Int4 => Box::new(text.parse::<i32>().map_err(|_| wrong("a whole number"))?),
        Kind::Int8 => Box::new(text.parse::<i64>().map_err(|_| wrong("a whole number"))?),
        Kind::Float8 => Box::new(text.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(|| wrong("a number"))?),
        Kind::Uuid => Box::new(text.parse::<Uuid>().map_err(|_| wrong("a UUID"))?),
        Kind::Date => Box::new(parse_date(text).ok_or_else(|| wrong("a date such as 2026-11-21"))?),
        Kind::Timestamp => {
            Box::new(OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong("a time such as 2026-11-21T10:00:00Z"))?)
        }
        _ => return Err(Error::invalid(&column.name, "not_allowed", "Cannot be compared")),
    })
}

/// An ISO 8601 calendar date.
pub fn parse_date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}
