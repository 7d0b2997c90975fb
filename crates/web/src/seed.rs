//! The operations that the specification lists for the features of school health (section 7: 17, 26, 37, 41 and 5), with the permission
//! it gives each. The API description marks them by `x-seed-feature`; a test compares. Where ours differs, it says why.

/// Feature, method, path and permission.
pub const OPERATIONS: [(u8, &str, &str, &str); 32] = [
    (26, "GET", "/api/v1/alerts/real-time", "ops.alert.read"),
    (26, "POST", "/api/v1/alerts/real-time", "ops.alert.raise"),
    (26, "GET", "/api/v1/alerts/real-time/{id}", "ops.alert.read"),
    (26, "POST", "/api/v1/alerts/real-time/{id}/acknowledge", "ops.alert.ack"),
    (26, "POST", "/api/v1/alerts/real-time/{id}/resolve", "ops.alert.ack"),
    (26, "GET", "/api/v1/alerts/real-time/definitions", "ops.alert.define"),
    (26, "POST", "/api/v1/alerts/real-time/definitions", "ops.alert.define"),
    // The specification says "self": who may read no alert has nothing to subscribe to (decision 136).
    (26, "GET", "/api/v1/alerts/real-time/subscriptions", "ops.alert.read"),
    (26, "PUT", "/api/v1/alerts/real-time/subscriptions", "ops.alert.read"),
    (37, "POST", "/api/v1/health/outbreaks/symptoms", "school.visit.write"),
    (37, "GET", "/api/v1/health/outbreaks/symptoms", "school.outbreak.read"),
    (37, "GET", "/api/v1/health/outbreaks", "school.outbreak.read"),
    (37, "GET", "/api/v1/health/outbreaks/{id}", "school.outbreak.read"),
    (37, "PATCH", "/api/v1/health/outbreaks/{id}", "school.outbreak.declare"),
    (37, "POST", "/api/v1/health/outbreaks/detect", "school.outbreak.declare"),
    (37, "POST", "/api/v1/health/outbreaks/{id}/report", "school.outbreak.report"),
    (17, "POST", "/api/v1/clinic/visits/check-in", "school.visit.write"),
    (17, "POST", "/api/v1/clinic/visits/{id}/check-out", "school.visit.write"),
    (17, "GET", "/api/v1/clinic/visits", "school.visit.read"),
    (17, "GET", "/api/v1/clinic/visits/{id}", "school.visit.read"),
    (17, "PATCH", "/api/v1/clinic/visits/{id}", "school.visit.write"),
    (17, "GET", "/api/v1/clinic/visits/analytics", "school.visit.read"),
    (41, "GET", "/api/v1/immunizations/dashboard", "school.immunization.read"),
    (41, "GET", "/api/v1/immunizations/compliance", "school.immunization.read"),
    // What differs between two is at /diff: the list takes its filters only.
    (41, "GET", "/api/v1/immunizations/schedules", "school.immunization.read"),
    (41, "POST", "/api/v1/immunizations/reminders", "school.immunization.write"),
    (41, "GET", "/api/v1/immunizations/reminders", "school.immunization.read"),
    (5, "GET", "/api/v1/students/{id}/immunizations", "school.immunization.read"),
    (5, "POST", "/api/v1/students/{id}/immunizations", "school.immunization.write"),
    (5, "PATCH", "/api/v1/students/{id}/immunizations/{dose}", "school.immunization.write"),
    (5, "POST", "/api/v1/students/{id}/immunizations/forecast", "school.immunization.read"),
    (5, "POST", "/api/v1/students/{id}/immunizations/exemptions", "school.immunization.write"),
];

/// The feature that the specification lists an operation for.
#[must_use]
pub fn feature(method: &str, path: &str) -> Option<u8> {
    OPERATIONS.iter().find(|(_, m, p, _)| *m == method && *p == path).map(|(feature, ..)| *feature)
}
