//! Looks into a stopped object's database. Node has SQLite built in; Rust would have to compile it.

use std::{path::Path, process::Command};

use super::root;

/// The statements that made the tables and indexes of a database, by table, without the platform's own.
pub(crate) fn tables(file: &Path) -> String {
    try_tables(file).unwrap()
}

/// The same of one that may be in use, which is not always to be read.
pub(crate) fn try_tables(file: &Path) -> Result<String, String> {
    let list = "const rows = db.prepare(\"select sql from sqlite_master where sql is not null and name not glob '_cf*' and name not glob 'search_*' order by tbl_name, type desc\").all();
      console.log(rows.map((row) => row.sql.replace(/\\s+/g, ' ') + ';').join('\\n'));";
    Ok(try_node(file, "", list)?.trim().to_owned())
}

/// The columns of every table, and the indexes: what a migrated database has in common with a new one.
pub(crate) fn shape(file: &Path) -> String {
    let list = "const tables = db.prepare(\"select name, type from sqlite_master where name not glob '_cf*' and name not glob 'search_*' and sql is not null order by name\").all();
      const columns = (table) => db.prepare('select name, type, \"notnull\" as required, dflt_value as fallback, pk from pragma_table_info(?)').all(table);
      tables.forEach(({ name, type }) => console.log(type, name, JSON.stringify(columns(name))));";
    node(file, "", list).trim().to_owned()
}

/// How many rows a table has; `@now` in what may follow its name is the time in milliseconds.
pub(crate) fn count(file: &Path, table: &str) -> usize {
    let count = "console.log(db.prepare('select count(*) as rows from ' + process.argv[2].replaceAll('@now', Date.now())).get().rows)";
    node(file, table, count).trim().parse().unwrap()
}

/// The same, 0 when there is no such table.
pub(crate) fn rows(file: &Path, table: &str) -> usize {
    let is_there = "console.log(db.prepare(\"select count(*) as rows from sqlite_master where type = 'table' and name = ?\").get(process.argv[2].split(' ')[0]).rows)";
    if node(file, table, is_there).trim() == "0" { 0 } else { count(file, table) }
}

/// Runs statements in a database; `@now` in them is the time in milliseconds.
pub(crate) fn run(file: &Path, statements: &str) {
    node(file, statements, "db.exec(process.argv[2].replaceAll('@now', Date.now()));");
}

/// Removes every table but the platform's own.
pub(crate) fn drop_tables(file: &Path) {
    // A full text index takes its own tables with it.
    let names = "const all = \"select name from sqlite_master where type = 'table' and name not glob '_cf*' order by sql not like 'create virtual%'\";
      db.prepare(all).all().forEach(({ name }) => db.exec('drop table if exists ' + name));";
    node(file, "", names);
}

/// Runs JavaScript with `db` open on `file`.
fn node(file: &Path, argument: &str, script: &str) -> String {
    try_node(file, argument, script).unwrap()
}

/// The same; its complaint when it fails.
fn try_node(file: &Path, argument: &str, script: &str) -> Result<String, String> {
    let script = format!("const db = new (require('node:sqlite').DatabaseSync)(process.argv[1]); {script}; db.close();");
    let output = Command::new(root().join("node_modules/.bin/node")).args(["-e", &script, "--"]).arg(file).arg(argument).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
