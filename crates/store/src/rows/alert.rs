//! Alerts about rows, in the tenant they are of.

use super::check::Fault;
use crate::Tx;
use salus_core::Result;
use uuid::Uuid;

/// Notes what was found, unless an alert that nobody has closed says it already; how many are new.
pub(super) async fn raise(tx: &mut Tx, faults: &[Fault]) -> Result<usize> {
    let (env, now) = (tx.ctx.env.clone(), tx.ctx.env.now());
    let mut new = 0;
    for part in faults.chunks(500) {
        let ids: Vec<Uuid> = part.iter().map(|_| env.id()).collect();
        let kinds: Vec<&str> = part.iter().map(|f| f.kind.name()).collect();
        let tables: Vec<&str> = part.iter().map(|f| f.table.as_str()).collect();
        let rows: Vec<Uuid> = part.iter().map(|f| f.row).collect();
        let what: Vec<&str> = part.iter().map(|f| f.kind.what()).collect();
        let sql = "INSERT INTO audit.tamper_alerts (id, created_at, noted_on, kind, table_name, row_id, what) \
                   SELECT u.id, $6, $7::date, u.kind, u.table_name, u.row_id, u.what \
                     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[]) AS u (id, kind, table_name, row_id, what) \
                    WHERE NOT EXISTS (SELECT FROM audit.tamper_alerts a WHERE a.state <> 'CLOSED' AND a.kind = u.kind \
                      AND a.table_name = u.table_name AND a.row_id = u.row_id) \
                   ON CONFLICT DO NOTHING RETURNING id";
        new += tx.run(sql, &[&ids, &kinds, &tables, &rows, &what, &now, &now.date()]).await?.len();
    }
    Ok(new)
}
