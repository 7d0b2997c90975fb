//! Whether what let somebody in still stands, for connections that stay open: one statement for all of an organization.

use salus_core::{Ctx, Result};
use salus_store::{Db, sql};
use std::collections::HashMap;
use uuid::Uuid;

/// How these sessions and API keys stand: a sign that is another one when anything changes by which [`super::Callers`] makes their
/// caller. Those that let nobody in any more are left out.
///
/// # Errors
/// Those of the database.
pub async fn standing(db: &Db, tenant: Uuid, seats: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), true).await?;
    let (now, seats) = (db.env().now(), seats.to_vec());
    // The policy's version counts for roles, masks, labels and modules; of the settings the rules of sign-in count as well.
    let sql = sql!(
        "SELECT s.id, concat_ws(' ', t.policy_version, t.bears_part2, s.stands, \
           (SELECT sum(c.row_version) FROM kernel.settings c), \
           (SELECT string_agg(r.role_id::text, ' ' ORDER BY r.role_id) FROM auth.user_roles r WHERE r.user_id = s.user_id \
              AND r.valid_from <= $2 AND (r.valid_to IS NULL OR r.valid_to > $2))) AS stands \
         FROM (SELECT id, tenant_id, user_id, concat_ws(' ', token_hash, second_factor_at) AS stands FROM auth.sessions \
               WHERE id = ANY($1) AND revoked_at IS NULL AND idle_expires_at > $2 AND expires_at > $2 \
               UNION ALL SELECT id, tenant_id, user_id, concat_ws(' ', token_hash, scopes, networks, purposes) FROM auth.api_keys \
               WHERE id = ANY($1) AND revoked_at IS NULL AND expires_at > $2) s \
         JOIN auth.users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id AND u.status = 'active' \
         JOIN kernel.tenants t ON t.id = s.tenant_id AND t.state = 'active'"
    );
    let rows = tx.query(sql, &[&seats, &now]).await?;
    tx.finish_unrecorded().await?;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("stands"))).collect())
}
