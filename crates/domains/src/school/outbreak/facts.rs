//! What detection looks at: schools with their days of instruction, students with their groups and homes, and cases. It is read
//! anew each time, so that what was corrected counts as it stands now.

use super::joining::Illness;
use crate::{medical, school::reads::schools};
use salus_core::Result;
use salus_rules::outbreak::clusters::Level;
use salus_store::{Row, Tx, sql};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use time::Date;
use uuid::Uuid;

/// What a group of students is, the smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Homeroom,
    Bus,
    Team,
    Grade,
    School,
    District,
}

impl Kind {
    /// The level whose least counts hold. A team is as small as a class.
    pub(super) fn level(self) -> Level {
        match self {
            Self::Homeroom | Self::Team => Level::Class,
            Self::Bus => Level::Bus,
            Self::Grade => Level::Grade,
            Self::School => Level::School,
            Self::District => Level::District,
        }
    }

    /// A value of `school.outbreak_level`.
    pub(super) fn level_code(self) -> &'static str {
        match self {
            Self::Homeroom | Self::Team => "CLASS",
            Self::Bus => "BUS",
            Self::Grade => "GRADE",
            Self::School => "SCHOOL",
            Self::District => "DISTRICT",
        }
    }

    /// A value of `school.cluster_kind`, where there is one.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Homeroom => "HOMEROOM",
            Self::Bus => "BUS",
            Self::Team => "TEAM",
            Self::Grade => "GRADE",
            Self::School => "SCHOOL",
            Self::District => "DISTRICT",
        }
    }

    fn of_group(code: &str) -> Option<Self> {
        match code {
            "HOMEROOM" => Some(Self::Homeroom),
            "BUS" => Some(Self::Bus),
            "TEAM" => Some(Self::Team),
            _ => None,
        }
    }
}

/// A group of students that is watched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    pub(super) kind: Kind,
    /// Id of the group or school; of a grade, school and grade.
    pub(super) key: String,
}

/// A school.
pub(super) struct School {
    pub(super) id: Uuid,
    pub(super) name: String,
    /// Degrees of latitude and longitude, where they are known.
    pub(super) place: Option<(f64, f64)>,
    /// Its day, or the last that is looked at.
    pub(super) today: Date,
    /// Days of instruction until then.
    pub(super) days: Vec<Date>,
}

/// A homeroom, bus or team.
pub(super) struct Group {
    pub(super) kind: Kind,
    pub(super) school: Uuid,
    pub(super) name: String,
}

/// A student who is enrolled.
pub(super) struct Person {
    pub(super) school: Uuid,
    pub(super) grade: String,
    pub(super) groups: Vec<Uuid>,
    pub(super) home: Option<Vec<u8>>,
}

/// A student who was ill.
pub(super) struct Case {
    pub(super) student: Uuid,
    pub(super) school: Uuid,
    pub(super) syndrome: String,
    pub(super) disease: Option<String>,
    pub(super) onset: Date,
    /// The school's day on which it was learned: by this it is counted.
    pub(super) reported: Date,
    /// The groups of that day.
    pub(super) groups: Vec<Uuid>,
    /// That of now, also of who has left: so a case stays in a group.
    pub(super) grade: Option<String>,
    /// Digest of the home.
    pub(super) home: Option<Vec<u8>>,
}

impl Case {
    pub(super) fn illness(&self) -> Illness<'_> {
        (&self.syndrome, self.disease.as_deref())
    }
}

/// All of it. Cases are in the order in which they were reported.
pub(super) struct Facts {
    pub(super) schools: Vec<School>,
    pub(super) groups: BTreeMap<Uuid, Group>,
    pub(super) people: BTreeMap<Uuid, Person>,
    pub(super) cases: Vec<Case>,
    /// Students of every group that is watched.
    pub(super) members: BTreeMap<Scope, Vec<Uuid>>,
}

/// Reads what is known of the schools within reach from a day on, and until `until` when that is given.
///
/// # Errors
/// Those of the database.
pub(super) async fn load(tx: &mut Tx, (from, until): (Date, Option<Date>)) -> Result<Facts> {
    let schools = places(tx, (from, until)).await?;
    let ids: Vec<Uuid> = schools.iter().map(|s| s.id).collect();
    let sql = sql!(
        "SELECT id, school_id, kind::text, name::text FROM school.class_groups \
         WHERE kind IN ('HOMEROOM', 'BUS', 'TEAM') AND school_id = ANY($1)"
    );
    let mut groups = BTreeMap::new();
    for row in tx.query(sql, &[&ids]).await? {
        let Some(kind) = Kind::of_group(row.get("kind")) else { continue };
        groups.insert(row.get("id"), Group { kind, school: row.get("school_id"), name: row.get("name") });
    }
    let people = persons(tx, &ids).await?;
    let cases = cases(tx, &schools, from).await?;
    let mut facts = Facts { schools, groups, people, cases, members: BTreeMap::new() };
    facts.settle();
    Ok(facts)
}

async fn places(tx: &mut Tx, (from, until): (Date, Option<Date>)) -> Result<Vec<School>> {
    let ids: Vec<Uuid> = schools(tx).await?.into_iter().map(|(id, _)| id).collect();
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT id, name::text AS name, latitude, longitude, ($1::timestamptz AT TIME ZONE timezone::text)::date AS today FROM school.schools \
         WHERE id = ANY($2) ORDER BY id"
    );
    let mut found: Vec<School> = tx
        .query(sql, &[&now, &ids])
        .await?
        .iter()
        .map(|row| {
            let today: Date = row.get("today");
            let today = until.map_or(today, |until| until.min(today));
            let place = row.get::<_, Option<f64>>("latitude").zip(row.get("longitude"));
            School { id: row.get("id"), name: row.get("name"), place, today, days: Vec::new() }
        })
        .collect();
    let sql = sql!(
        "SELECT school_id, day FROM school.calendar_days WHERE is_instructional AND day >= $1 AND school_id = ANY($2) ORDER BY day"
    );
    for row in tx.query(sql, &[&from, &ids]).await? {
        let (school, day): (Uuid, Date) = (row.get(0), row.get(1));
        if let Some(school) = found.iter_mut().find(|s| s.id == school && day <= s.today) {
            school.days.push(day);
        }
    }
    Ok(found)
}

async fn persons(tx: &mut Tx, schools: &[Uuid]) -> Result<BTreeMap<Uuid, Person>> {
    let sql = sql!(
        "SELECT p.patient_id, p.school_id, p.grade::text AS grade, p.homeroom_id, \
           coalesce(array_agg(m.class_group_id) FILTER (WHERE m.class_group_id IS NOT NULL), '{}') AS groups \
         FROM school.student_profiles p \
         LEFT JOIN school.class_memberships m ON m.patient_id = p.patient_id AND m.left_on IS NULL \
         WHERE p.school_id = ANY($1) AND p.enrollment_status = 'ENROLLED' GROUP BY 1, 2, 3, 4"
    );
    let rows = tx.query(sql, &[&schools]).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get("patient_id")).collect();
    let homes = medical::households(tx, &ids).await?;
    let person = |row: &Row| {
        let id: Uuid = row.get("patient_id");
        let mut groups: Vec<Uuid> = row.get("groups");
        groups.extend(row.get::<_, Option<Uuid>>("homeroom_id"));
        let home = homes.get(&id).cloned();
        (id, Person { school: row.get("school_id"), grade: row.get("grade"), groups, home })
    };
    Ok(rows.iter().map(person).collect())
}

async fn cases(tx: &mut Tx, schools: &[School], from: Date) -> Result<Vec<Case>> {
    let ids: Vec<Uuid> = schools.iter().map(|s| s.id).collect();
    // One day more than asked for: the day of a report is that of the school's clock.
    let sql = sql!(
        "SELECT t.student_id, t.school_id, t.syndrome::text AS syndrome, t.disease_code::text AS disease, t.onset_on, \
           (t.reported_at AT TIME ZONE s.timezone::text)::date AS reported, t.group_ids, t.household_key, \
           p.grade::text AS grade \
         FROM school.symptom_tracking t JOIN school.schools s ON s.id = t.school_id \
         LEFT JOIN school.student_profiles p ON p.patient_id = t.student_id \
         WHERE t.school_id = ANY($1) AND t.case_class <> 'RULED_OUT' AND t.reported_at >= $2::date - 1 ORDER BY t.reported_at, t.id"
    );
    let rows = tx.query(sql, &[&ids, &from]).await?;
    let last: HashMap<Uuid, Date> = schools.iter().map(|s| (s.id, s.today)).collect();
    let case = |row: &Row| Case {
        student: row.get("student_id"),
        school: row.get("school_id"),
        syndrome: row.get("syndrome"),
        disease: row.get("disease"),
        onset: row.get("onset_on"),
        reported: row.get("reported"),
        groups: row.get::<_, Vec<String>>("group_ids").iter().filter_map(|id| id.parse().ok()).collect(),
        grade: row.get("grade"),
        home: row.get("household_key"),
    };
    let mut found: Vec<Case> = rows.iter().map(case).collect();
    found.retain(|c| c.reported >= from && last.get(&c.school).is_some_and(|today| c.reported <= *today));
    Ok(found)
}

impl Facts {
    /// Fills in what follows from the rest: homes of cases, and who is in which group.
    fn settle(&mut self) {
        for case in &mut self.cases {
            let person = self.people.get(&case.student);
            if case.home.is_none() {
                case.home = person.and_then(|p| p.home.clone());
            }
        }
        let mut members: BTreeMap<Scope, Vec<Uuid>> = BTreeMap::new();
        for (id, person) in &self.people {
            for scope in self.scopes(person.school, Some(&person.grade), &person.groups) {
                members.entry(scope).or_default().push(*id);
            }
        }
        self.members = members;
    }

    /// The groups that are watched and hold a person of a school, a grade and groups.
    fn scopes(&self, school: Uuid, grade: Option<&str>, groups: &[Uuid]) -> BTreeSet<Scope> {
        let scope = |kind, key| Scope { kind, key };
        let here = |id: &&Uuid| self.groups.get(*id).is_some_and(|g| g.school == school);
        let mut all: BTreeSet<Scope> =
            groups.iter().filter(here).map(|id| scope(self.groups[id].kind, id.to_string())).collect();
        all.extend(grade.map(|grade| scope(Kind::Grade, format!("{school}/{grade}"))));
        all.insert(scope(Kind::School, school.to_string()));
        if self.schools.len() > 1 {
            all.insert(scope(Kind::District, "district".into()));
        }
        all
    }

    /// The groups that a case counts in: those of the day it was written down, or those of now where none were.
    pub(super) fn scopes_of(&self, case: &Case) -> BTreeSet<Scope> {
        let person = self.people.get(&case.student).filter(|p| p.school == case.school);
        let mut groups = case.groups.clone();
        let kinds: Vec<Kind> = groups.iter().filter_map(|id| self.groups.get(id)).map(|g| g.kind).collect();
        for id in person.iter().flat_map(|p| &p.groups) {
            if self.groups.get(id).is_some_and(|g| !kinds.contains(&g.kind)) {
                groups.push(*id);
            }
        }
        self.scopes(case.school, case.grade.as_deref(), &groups)
    }

    /// Students of a group.
    pub(super) fn size(&self, scope: &Scope) -> u32 {
        self.members.get(scope).map_or(0, |all| u32::try_from(all.len()).unwrap_or(u32::MAX))
    }

    /// The school a group is of; none for the district.
    pub(super) fn school_of(&self, scope: &Scope) -> Option<Uuid> {
        match scope.kind {
            Kind::District => None,
            Kind::School | Kind::Grade => scope.key.split('/').next()?.parse().ok(),
            _ => self.groups.get(&scope.key.parse().ok()?).map(|g| g.school),
        }
    }

    /// What a group is called, without its school.
    pub(super) fn name_of(&self, scope: &Scope) -> String {
        match scope.kind {
            Kind::District => String::new(),
            Kind::Grade => scope.key.rsplit('/').next().unwrap_or_default().to_owned(),
            Kind::School => {
                self.schools.iter().find(|s| s.id.to_string() == scope.key).map_or_else(String::new, |s| s.name.clone())
            }
            _ => {
                scope.key.parse().ok().and_then(|id| self.groups.get(&id)).map_or_else(String::new, |g| g.name.clone())
            }
        }
    }

    /// Days on which any school has instruction.
    pub(super) fn days(&self) -> Vec<Date> {
        let all: BTreeSet<Date> = self.schools.iter().flat_map(|s| s.days.iter().copied()).collect();
        all.into_iter().collect()
    }

    /// The last day that is looked at anywhere.
    pub(super) fn today(&self) -> Option<Date> {
        self.schools.iter().map(|s| s.today).max()
    }

    /// Whether several cases are all of one home that is known.
    pub(super) fn is_one_home(&self, cases: &[usize]) -> bool {
        let mut students: Vec<Uuid> = cases.iter().map(|at| self.cases[*at].student).collect();
        students.sort_unstable();
        students.dedup();
        let Some(first) = cases.first().and_then(|at| self.cases[*at].home.as_ref()) else { return false };
        students.len() > 1 && cases.iter().all(|at| self.cases[*at].home.as_ref() == Some(first))
    }
}
