//! The demonstration district `larkspur`: four schools with their bells, calendar and homerooms, invented students with two
//! guardians each, allergies, health plans, medication, and the visits of a year. Made from one seed and the day of
//! loading; nobody in it exists. The whole district has the numbers of the specification (section 11), the small one their
//! proportions.

use super::{
    Size,
    calendar::{offset, school_days},
    medicine,
    places::{SCHOOLS, School, places},
    rows::{Rows, later},
    students::{self, WHOLE},
    visits,
};
use crate::{
    row,
    school::{detect_outbreaks, immunization::import_requirements},
};
use salus_core::{Ctx, Error, Result};
use salus_store::{Db, Tx, sql};
use serde_json::{Value, json};
use time::{Date, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// How much of everything there is.
pub(super) struct Scale {
    pub(super) students: usize,
    /// Homerooms and buses of each school: 92 and 28 in the whole district.
    rooms: usize,
    buses: usize,
    /// School days with visits, and visits on them, those of today included: 9,000 in a year of 180 days.
    pub(super) days: usize,
    pub(super) visits: usize,
    /// The school whose counts of vomiting are given.
    pub(super) outbreak: Uuid,
}

impl Scale {
    fn of(size: Size) -> Self {
        let outbreak = Uuid::nil();
        match size {
            Size::Small => Self { students: 120, rooms: 2, buses: 2, days: 30, visits: 240, outbreak },
            Size::Full => Self { students: WHOLE, rooms: 23, buses: 7, days: 180, visits: 9_000, outbreak },
        }
    }
}

/// Who works where: the role, the position, and at how many of the schools.
const STAFF: [(&str, &str, usize); 5] = [
    ("school_nurse", "NURSE_RN", 3),
    ("nurse_supervisor", "NURSE_SUPERVISOR", 4),
    ("health_aide", "HEALTH_AIDE", 1),
    ("epi_liaison", "EPI_LIAISON", 4),
    ("teacher", "PRINCIPAL", 1),
];
/// Rows of so many students are of one transaction.
const TOGETHER: usize = 60;

/// Fills the district.
///
/// # Errors
/// Those of the database.
pub(super) async fn fill(db: &Db, tenant: Uuid, size: Size) -> Result<()> {
    let now = db.env().now();
    let today = now.to_offset(offset(now.date())).date();
    let mut scale = Scale::of(size);
    let since = school_days(today, scale.days).first().copied().unwrap_or(today);
    let mut rows = Rows::new(db.env());
    let mut schools = places(&mut rows, (since, today), (scale.rooms, scale.buses));
    scale.outbreak = schools[0].id;
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    rows.insert(&mut tx).await?;
    staff(&mut tx, &schools, today).await?;
    requirements(&mut tx).await?;
    tx.commit("kernel.demo.load", "school.schools").await?;

    for some in students::deal(scale.students, scale.rooms).chunks(TOGETHER) {
        let mut rows = Rows::new(db.env());
        for dealt in some {
            let made = students::student(&mut rows, dealt, &schools[dealt.school], (since, today))?;
            schools[dealt.school].students.push(made);
        }
        let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
        tx.query(sql!("DISCARD PLANS"), &[]).await?;
        rows.insert(&mut tx).await?;
        tx.commit("kernel.demo.load", "school.student_profiles").await?;
    }
    for (number, school) in schools.iter().enumerate() {
        let mut rows = Rows::new(db.env());
        visits::fill(&mut rows, number, school, (&scale, now))?;
        let more = (size == Size::Full).then_some((number, SCHOOLS.len()));
        medicine::fill(&mut rows, (school.id, &school.students), more, now)?;
        let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
        rows.insert(&mut tx).await?;
        tx.commit("kernel.demo.load", "school.clinic_visits").await?;
    }
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    detect_outbreaks(&mut tx).await?;
    tx.commit("kernel.demo.load", "school.outbreak_alerts").await
}

/// The users of the seed at their schools.
async fn staff(tx: &mut Tx, schools: &[School], today: Date) -> Result<()> {
    let users = sql!(
        "SELECT u.user_id, r.name::text FROM auth.user_roles u JOIN auth.roles r ON r.id = u.role_id ORDER BY u.user_id"
    );
    let mut rows = Rows::new(&tx.ctx.env);
    let since = later(today, -200).to_string();
    for found in tx.query(users, &[]).await? {
        let (user, role): (Uuid, String) = (found.get(0), found.get(1));
        let Some((_, position, count)) = STAFF.iter().find(|(name, ..)| *name == role) else { continue };
        for school in schools.iter().take(*count) {
            rows.add(
                "school.school_staff",
                json!({"user_id": user, "school_id": school.id, "position": position, "started_on": since}),
            );
            for route in ["ORAL", "INHALED"].iter().filter(|_| *position == "HEALTH_AIDE") {
                rows.add(
                    "school.delegations",
                    json!({"user_id": user, "school_id": school.id, "route": route, "trained_on": since,
                           "valid_until": later(today, 160).to_string()}),
                );
            }
            rows.add("auth.user_units", json!({"user_id": user, "organization_id": school.unit, "valid_from": since}));
        }
    }
    rows.insert(tx).await
}

/// What California asks for, as the sample has it, approved by the supervisor.
async fn requirements(tx: &mut Tx) -> Result<()> {
    let list: Value =
        serde_json::from_str(include_str!("../../../../db/requirements/california.json")).map_err(Error::internal)?;
    import_requirements(tx, list).await?;
    let sql = sql!(
        "SELECT u.user_id FROM auth.user_roles u JOIN auth.roles r ON r.id = u.role_id WHERE r.name = 'nurse_supervisor' \
         ORDER BY u.user_id LIMIT 1"
    );
    let Some(found) = tx.query_opt(sql, &[]).await? else { return Ok(()) };
    let (by, at) = (found.get::<_, Uuid>(0), tx.ctx.env.now().format(&Rfc3339).map_err(Error::internal)?);
    let waiting = sql!("SELECT id FROM school.school_immunization_requirements WHERE approved_at IS NULL ORDER BY id");
    for requirement in tx.query(waiting, &[]).await? {
        let values = row(json!({"approved_by": by, "approved_at": at}));
        tx.update("school.school_immunization_requirements", requirement.get(0), None, values).await?;
    }
    Ok(())
}
