//! The demonstration clinic `valley`: staff and about 300 invented adults with years of coherent records, made from
//! one seed and the day of loading. Rows go in by the transaction that everyone uses, some patients at a time, each
//! with its audit event.

use super::{Size, clinic, course, people, rows::Chart, rows::Rows};
use salus_core::{Ctx, Result};
use salus_store::{Db, sql};
use uuid::Uuid;

/// Patients of one transaction.
const TOGETHER: usize = 50;

/// Fills the clinic with patients.
///
/// # Errors
/// Those of the database.
pub(super) async fn fill(db: &Db, tenant: Uuid, size: Size) -> Result<()> {
    let today = db.env().now().date();
    let mut rows = Rows::new(db.env());
    let staff = clinic::open(&mut rows);
    let patients = match size {
        Size::Small => 30,
        Size::Full => 300,
    };
    for from in (0..patients).step_by(TOGETHER) {
        for number in from..patients.min(from + TOGETHER) {
            let person = people::person(number, today);
            let patient = people::register(&mut rows, &person, today)?;
            course::live(Chart::open(&mut rows, patient), &person, &staff, today);
        }
        let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
        // The checks of references were planned when the tables were empty, when any index looked as good as the key.
        // In tables that have grown since, such a plan reads every row of the tenant for each check.
        tx.query(sql!("DISCARD PLANS"), &[]).await?;
        std::mem::replace(&mut rows, Rows::new(db.env())).insert(&mut tx).await?;
        tx.commit("kernel.demo.load", "medical.patients").await?;
    }
    Ok(())
}
