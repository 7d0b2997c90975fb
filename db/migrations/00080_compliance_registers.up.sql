-- Registers an auditor asks for: risks, reviews of activity and access, security alerts, incidents and their assessment.

CREATE DOMAIN compliance.level AS text CONSTRAINT level_values
  CHECK (VALUE IN ('LOW', 'MEDIUM', 'HIGH'));
COMMENT ON DOMAIN compliance.level IS 'How likely, how bad';
COMMENT ON CONSTRAINT level_values ON DOMAIN compliance.level IS
  'Must be LOW, MEDIUM or HIGH';
CREATE DOMAIN compliance.risk_treatment AS text CONSTRAINT risk_treatment_values
  CHECK (VALUE IN ('MITIGATE', 'ACCEPT', 'TRANSFER', 'AVOID'));
COMMENT ON DOMAIN compliance.risk_treatment IS 'What is done about a risk';
COMMENT ON CONSTRAINT risk_treatment_values ON DOMAIN compliance.risk_treatment IS
  'Must be MITIGATE, ACCEPT, TRANSFER or AVOID';
CREATE DOMAIN compliance.risk_state AS text CONSTRAINT risk_state_values
  CHECK (VALUE IN ('OPEN', 'TREATED', 'ACCEPTED', 'CLOSED'));
COMMENT ON DOMAIN compliance.risk_state IS 'Where the treatment of a risk stands';
COMMENT ON CONSTRAINT risk_state_values ON DOMAIN compliance.risk_state IS
  'Must be OPEN, TREATED, ACCEPTED or CLOSED';
CREATE DOMAIN compliance.activity AS text CONSTRAINT activity_values
  CHECK (VALUE IN ('AUDIT_LOG', 'ACCESS_RIGHTS', 'SIGN_INS', 'SECURITY_ALERTS'));
COMMENT ON DOMAIN compliance.activity IS 'What a review looked at';
COMMENT ON CONSTRAINT activity_values ON DOMAIN compliance.activity IS
  'Must be AUDIT_LOG, ACCESS_RIGHTS, SIGN_INS or SECURITY_ALERTS';
CREATE DOMAIN compliance.activity_outcome AS text CONSTRAINT activity_outcome_values
  CHECK (VALUE IN ('NO_FINDINGS', 'FINDINGS', 'ESCALATED'));
COMMENT ON DOMAIN compliance.activity_outcome IS 'What a review came to';
COMMENT ON CONSTRAINT activity_outcome_values ON DOMAIN compliance.activity_outcome IS
  'Must be NO_FINDINGS, FINDINGS or ESCALATED';
CREATE DOMAIN compliance.access_reason AS text CONSTRAINT access_reason_values
  CHECK (VALUE IN ('SAME_SURNAME', 'VIP', 'EMPLOYEE', 'NO_LINK', 'ABOVE_OWN_MEAN', 'AFTER_HOURS', 'REPORTED'));
COMMENT ON DOMAIN compliance.access_reason IS 'Why an access is looked at';
COMMENT ON CONSTRAINT access_reason_values ON DOMAIN compliance.access_reason IS
  'Must be SAME_SURNAME, VIP, EMPLOYEE, NO_LINK, ABOVE_OWN_MEAN, AFTER_HOURS or REPORTED';
CREATE DOMAIN compliance.access_outcome AS text CONSTRAINT access_outcome_values
  CHECK (VALUE IN ('JUSTIFIED', 'UNJUSTIFIED', 'ESCALATED'));
COMMENT ON DOMAIN compliance.access_outcome IS 'What the look at an access found';
COMMENT ON CONSTRAINT access_outcome_values ON DOMAIN compliance.access_outcome IS
  'Must be JUSTIFIED, UNJUSTIFIED or ESCALATED';
CREATE DOMAIN compliance.severity AS text CONSTRAINT severity_values
  CHECK (VALUE IN ('INFO', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'EMERGENCY'));
COMMENT ON DOMAIN compliance.severity IS 'How bad an alert is';
COMMENT ON CONSTRAINT severity_values ON DOMAIN compliance.severity IS
  'Must be INFO, LOW, MEDIUM, HIGH, CRITICAL or EMERGENCY';
CREATE DOMAIN compliance.security_alert_kind AS text CONSTRAINT security_alert_kind_values
  CHECK (VALUE IN ('BRUTE_FORCE', 'IMPOSSIBLE_TRAVEL', 'MASS_ACCESS', 'MASS_EXPORT', 'AFTER_HOURS', 'PRIVILEGE_CHANGE', 'BREAK_GLASS', 'SNOOPING', 'DISABLED_USER_USE', 'API_KEY_ANOMALY', 'RLS_VIOLATION', 'TAMPER', 'MALWARE', 'SSRF_BLOCKED'));
COMMENT ON DOMAIN compliance.security_alert_kind IS 'What a security alert is about';
COMMENT ON CONSTRAINT security_alert_kind_values ON DOMAIN compliance.security_alert_kind IS
  'Must be BRUTE_FORCE, IMPOSSIBLE_TRAVEL, MASS_ACCESS, MASS_EXPORT, AFTER_HOURS, PRIVILEGE_CHANGE, BREAK_GLASS, SNOOPING, DISABLED_USER_USE, API_KEY_ANOMALY, RLS_VIOLATION, TAMPER, MALWARE or SSRF_BLOCKED';
CREATE DOMAIN compliance.security_alert_state AS text CONSTRAINT security_alert_state_values
  CHECK (VALUE IN ('OPEN', 'TRIAGED', 'CONFIRMED', 'FALSE_POSITIVE', 'CLOSED'));
COMMENT ON DOMAIN compliance.security_alert_state IS 'Where the work on an alert stands';
COMMENT ON CONSTRAINT security_alert_state_values ON DOMAIN compliance.security_alert_state IS
  'Must be OPEN, TRIAGED, CONFIRMED, FALSE_POSITIVE or CLOSED';
CREATE DOMAIN compliance.record_regime AS text CONSTRAINT record_regime_values
  CHECK (VALUE IN ('HIPAA', 'FERPA', 'FERPA_AND_STATE', 'HIPAA_AND_PART2', 'LGPD', 'NONE'));
COMMENT ON DOMAIN compliance.record_regime IS 'Which law the records fall under';
COMMENT ON CONSTRAINT record_regime_values ON DOMAIN compliance.record_regime IS
  'Must be HIPAA, FERPA, FERPA_AND_STATE, HIPAA_AND_PART2, LGPD or NONE';
CREATE DOMAIN compliance.breach_kind AS text CONSTRAINT breach_kind_values
  CHECK (VALUE IN ('LOSS', 'THEFT', 'UNAUTHORISED_ACCESS', 'MISDIRECTED', 'HACKING', 'IMPROPER_DISPOSAL', 'VENDOR'));
COMMENT ON DOMAIN compliance.breach_kind IS 'What happened';
COMMENT ON CONSTRAINT breach_kind_values ON DOMAIN compliance.breach_kind IS
  'Must be LOSS, THEFT, UNAUTHORISED_ACCESS, MISDIRECTED, HACKING, IMPROPER_DISPOSAL or VENDOR';
CREATE DOMAIN compliance.breach_location AS text CONSTRAINT breach_location_values
  CHECK (VALUE IN ('EMAIL', 'LAPTOP', 'SERVER', 'PAPER', 'EHR', 'PORTABLE', 'OTHER'));
COMMENT ON DOMAIN compliance.breach_location IS 'Where it happened';
COMMENT ON CONSTRAINT breach_location_values ON DOMAIN compliance.breach_location IS
  'Must be EMAIL, LAPTOP, SERVER, PAPER, EHR, PORTABLE or OTHER';
CREATE DOMAIN compliance.breach_state AS text CONSTRAINT breach_state_values
  CHECK (VALUE IN ('REPORTED', 'INVESTIGATING', 'RISK_ASSESSED', 'NOT_A_BREACH', 'NOTIFYING', 'REMEDIATING', 'CLOSED'));
COMMENT ON DOMAIN compliance.breach_state IS 'Where the work on an incident stands';
COMMENT ON CONSTRAINT breach_state_values ON DOMAIN compliance.breach_state IS
  'Must be REPORTED, INVESTIGATING, RISK_ASSESSED, NOT_A_BREACH, NOTIFYING, REMEDIATING or CLOSED';
CREATE DOMAIN compliance.breach_conclusion AS text CONSTRAINT breach_conclusion_values
  CHECK (VALUE IN ('LOW_PROBABILITY', 'BREACH', 'EXCEPTION', 'SECURED_PHI'));
COMMENT ON DOMAIN compliance.breach_conclusion IS 'What a risk assessment concludes (45 CFR 164.402)';
COMMENT ON CONSTRAINT breach_conclusion_values ON DOMAIN compliance.breach_conclusion IS
  'Must be LOW_PROBABILITY, BREACH, EXCEPTION or SECURED_PHI';

CREATE TABLE compliance.risks (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  title kernel.label NOT NULL,
  scenario kernel.prose NOT NULL,
  asset kernel.label NOT NULL,
  likelihood compliance.level NOT NULL,
  impact compliance.level NOT NULL,
  treatment compliance.risk_treatment,
  plan kernel.prose,
  owner_id uuid,
  state compliance.risk_state NOT NULL DEFAULT 'OPEN',
  assessed_on date NOT NULL DEFAULT current_date,
  review_due_on date NOT NULL,
  CONSTRAINT risks_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT risks_title_uq UNIQUE (tenant_id, title),
  CONSTRAINT risks_owner_fk FOREIGN KEY (tenant_id, owner_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT risks_due CHECK (review_due_on >= assessed_on),
  CONSTRAINT risks_treated CHECK (state = 'OPEN' OR treatment IS NOT NULL)
);
CREATE INDEX risks_owner_ix ON compliance.risks (tenant_id, owner_id);
CREATE INDEX risks_due_ix ON compliance.risks (tenant_id, review_due_on);
COMMENT ON TABLE compliance.risks IS
  'Risk register: what may happen to the confidentiality, integrity or availability of records, and what is done (45 CFR 164.308(a)(1)(ii)(A) and (B))';
COMMENT ON COLUMN compliance.risks.title IS
  'Short name; names no person';
COMMENT ON COLUMN compliance.risks.scenario IS
  'What may happen, and through what weakness; names no person';
COMMENT ON COLUMN compliance.risks.asset IS
  'What it happens to: a system, a place, a process';
COMMENT ON COLUMN compliance.risks.plan IS
  'What is done, until when';
COMMENT ON COLUMN compliance.risks.assessed_on IS
  'When likelihood and impact were last judged';
COMMENT ON COLUMN compliance.risks.review_due_on IS
  'By when they are judged again';
COMMENT ON CONSTRAINT risks_title_uq ON compliance.risks IS
  'A risk of this name is in the register already';
COMMENT ON CONSTRAINT risks_due ON compliance.risks IS
  'Is judged again on or after the day it was judged';
COMMENT ON CONSTRAINT risks_treated ON compliance.risks IS
  'A risk that is not open any more names its treatment';
CALL kernel.protect('compliance.risks', retention => 'compliance');

CREATE TABLE compliance.activity_reviews (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  activity compliance.activity NOT NULL,
  period_from date NOT NULL,
  period_to date NOT NULL,
  counted jsonb NOT NULL,
  outcome compliance.activity_outcome NOT NULL,
  findings kernel.sealed_text,
  signed_at timestamptz NOT NULL,
  signed_by uuid NOT NULL,
  CONSTRAINT activity_reviews_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT activity_reviews_period CHECK (period_to >= period_from),
  CONSTRAINT activity_reviews_findings_said CHECK (outcome = 'NO_FINDINGS' OR findings IS NOT NULL)
);
CREATE INDEX activity_reviews_period_ix ON compliance.activity_reviews (tenant_id, activity, period_to);
COMMENT ON TABLE compliance.activity_reviews IS
  'Reviews of activity and of access rights, signed by who did them (45 CFR 164.308(a)(1)(ii)(D), 164.308(a)(4)); none is ever changed';
COMMENT ON COLUMN compliance.activity_reviews.period_from IS
  'First day that was looked at';
COMMENT ON COLUMN compliance.activity_reviews.period_to IS
  'Last day that was looked at';
COMMENT ON COLUMN compliance.activity_reviews.counted IS
  'What there was when it was signed, counted by the server: nobody writes it';
COMMENT ON COLUMN compliance.activity_reviews.signed_by IS
  'Who signed; nil for the operator at the machine';
COMMENT ON CONSTRAINT activity_reviews_period ON compliance.activity_reviews IS
  'Cannot end before it begins';
COMMENT ON CONSTRAINT activity_reviews_findings_said ON compliance.activity_reviews IS
  'Findings are written down: outcome NO_FINDINGS has none';
CALL kernel.protect('compliance.activity_reviews', key_class => 'audit', retention => 'compliance', append_only => true);

CREATE TABLE compliance.breach_incidents (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  number kernel.code NOT NULL,
  title kernel.sealed_text NOT NULL,
  description kernel.sealed_text,
  discovered_on date NOT NULL,
  occurred_from date,
  occurred_to date,
  regime compliance.record_regime NOT NULL,
  kind compliance.breach_kind NOT NULL,
  location compliance.breach_location NOT NULL,
  phi_categories jsonb,
  encrypted boolean NOT NULL DEFAULT false,
  keys_exposed boolean NOT NULL DEFAULT true,
  business_associate kernel.label,
  affected_estimate int,
  affected_confirmed int,
  by_state jsonb,
  law_enforcement_hold_until date,
  state compliance.breach_state NOT NULL DEFAULT 'REPORTED',
  closed_at timestamptz,
  CONSTRAINT breach_incidents_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT breach_incidents_number_uq UNIQUE (tenant_id, number),
  CONSTRAINT breach_incidents_occurred CHECK (occurred_to >= occurred_from),
  CONSTRAINT breach_incidents_affected CHECK (affected_estimate >= 0 AND affected_confirmed >= 0),
  CONSTRAINT breach_incidents_closed CHECK ((state = 'CLOSED') = (closed_at IS NOT NULL))
);
CREATE INDEX breach_incidents_discovered_ix ON compliance.breach_incidents (tenant_id, discovered_on);
COMMENT ON TABLE compliance.breach_incidents IS
  'Incidents that are, or may be, a breach of unsecured records (45 CFR 164.400-414; Res. CD/ANPD 15/2024), kept whether or not they were one';
COMMENT ON COLUMN compliance.breach_incidents.number IS
  'Of this organization, such as 2026-003';
COMMENT ON COLUMN compliance.breach_incidents.discovered_on IS
  'First day it was known, or would have been known with reasonable diligence: from here the 60 days of notice count';
COMMENT ON COLUMN compliance.breach_incidents.phi_categories IS
  'List of kinds of data, such as ["diagnoses"]';
COMMENT ON COLUMN compliance.breach_incidents.encrypted IS
  'Whether what was lost was encrypted';
COMMENT ON COLUMN compliance.breach_incidents.keys_exposed IS
  'Whether keys may have been lost with it; unknown counts as yes';
COMMENT ON COLUMN compliance.breach_incidents.by_state IS
  'Persons by state of residence, such as {"CA": 501}';
COMMENT ON COLUMN compliance.breach_incidents.law_enforcement_hold_until IS
  'Until when an authority asked that nobody be told';
COMMENT ON CONSTRAINT breach_incidents_number_uq ON compliance.breach_incidents IS
  'An incident of this number is in the register already';
COMMENT ON CONSTRAINT breach_incidents_occurred ON compliance.breach_incidents IS
  'Cannot end before it begins';
COMMENT ON CONSTRAINT breach_incidents_affected ON compliance.breach_incidents IS
  'A number of persons is not negative';
COMMENT ON CONSTRAINT breach_incidents_closed ON compliance.breach_incidents IS
  'A closed incident says when, and no other does';
CALL kernel.protect('compliance.breach_incidents', class => 'C2', key_class => 'documents', retention => 'compliance');

CREATE TABLE compliance.breach_risk_assessments (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  incident_id uuid NOT NULL,
  nature compliance.level NOT NULL,
  nature_why kernel.sealed_text NOT NULL,
  recipient compliance.level NOT NULL,
  recipient_why kernel.sealed_text NOT NULL,
  acquired compliance.level NOT NULL,
  acquired_why kernel.sealed_text NOT NULL,
  mitigation compliance.level NOT NULL,
  mitigation_why kernel.sealed_text NOT NULL,
  conclusion compliance.breach_conclusion NOT NULL,
  signed_by uuid NOT NULL,
  signed_at timestamptz NOT NULL,
  countersigned_by uuid,
  countersigned_at timestamptz,
  CONSTRAINT breach_risk_assessments_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT breach_risk_assessments_incident_fk FOREIGN KEY (tenant_id, incident_id) REFERENCES compliance.breach_incidents (tenant_id, id),
  CONSTRAINT breach_risk_assessments_two_persons CHECK (countersigned_by <> signed_by),
  CONSTRAINT breach_risk_assessments_countersigned CHECK ((countersigned_by IS NULL) = (countersigned_at IS NULL))
);
CREATE INDEX breach_risk_assessments_incident_ix ON compliance.breach_risk_assessments (tenant_id, incident_id);
COMMENT ON TABLE compliance.breach_risk_assessments IS
  'The four factors by which an incident is shown to be no breach (45 CFR 164.402(2)), signed by two persons; without one it counts as a breach';
COMMENT ON COLUMN compliance.breach_risk_assessments.nature IS
  'Risk by nature and extent of the data, and how well they name persons';
COMMENT ON COLUMN compliance.breach_risk_assessments.recipient IS
  'Risk by who used them or to whom they went';
COMMENT ON COLUMN compliance.breach_risk_assessments.acquired IS
  'Risk by whether they were in fact acquired or viewed';
COMMENT ON COLUMN compliance.breach_risk_assessments.mitigation IS
  'Risk that is left after what was done against it';
COMMENT ON CONSTRAINT breach_risk_assessments_two_persons ON compliance.breach_risk_assessments IS
  'Nobody countersigns their own assessment: ask another person';
COMMENT ON CONSTRAINT breach_risk_assessments_countersigned ON compliance.breach_risk_assessments IS
  'A second signature has a person and a time';
CALL kernel.protect('compliance.breach_risk_assessments', class => 'C2', key_class => 'documents', retention => 'compliance');

CREATE TABLE compliance.security_alerts (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  kind compliance.security_alert_kind NOT NULL,
  severity compliance.severity NOT NULL,
  user_id uuid,
  evidence jsonb NOT NULL DEFAULT '{}',
  state compliance.security_alert_state NOT NULL DEFAULT 'OPEN',
  note kernel.sealed_text,
  incident_id uuid,
  CONSTRAINT security_alerts_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT security_alerts_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT security_alerts_incident_fk FOREIGN KEY (tenant_id, incident_id) REFERENCES compliance.breach_incidents (tenant_id, id),
  CONSTRAINT security_alerts_evidence_object CHECK (jsonb_typeof(evidence) = 'object'),
  CONSTRAINT security_alerts_decided CHECK (state IN ('OPEN', 'TRIAGED') OR note IS NOT NULL)
);
CREATE INDEX security_alerts_user_ix ON compliance.security_alerts (tenant_id, user_id);
CREATE INDEX security_alerts_incident_ix ON compliance.security_alerts (tenant_id, incident_id);
CREATE INDEX security_alerts_time_ix ON compliance.security_alerts (tenant_id, created_at DESC);
COMMENT ON TABLE compliance.security_alerts IS
  'Signs that somebody does what they should not, raised by the server or by hand, until somebody has decided what they were';
COMMENT ON COLUMN compliance.security_alerts.user_id IS
  'Whose account it is about';
COMMENT ON COLUMN compliance.security_alerts.evidence IS
  'Counts, codes and ids; never names or health data';
COMMENT ON COLUMN compliance.security_alerts.note IS
  'What was found';
COMMENT ON COLUMN compliance.security_alerts.incident_id IS
  'The incident it turned out to be';
COMMENT ON CONSTRAINT security_alerts_evidence_object ON compliance.security_alerts IS
  'Must be an object';
COMMENT ON CONSTRAINT security_alerts_decided ON compliance.security_alerts IS
  'Who decides what an alert was says why in the note';
CALL kernel.protect('compliance.security_alerts', key_class => 'audit', retention => 'audit_logs');
CREATE POLICY any_caller ON compliance.security_alerts FOR INSERT WITH CHECK (state = 'OPEN');

CREATE TABLE compliance.access_reviews (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  event_id uuid NOT NULL,
  accessed_at timestamptz NOT NULL,
  user_id uuid NOT NULL,
  patient_id uuid NOT NULL,
  reason compliance.access_reason NOT NULL,
  due_on date NOT NULL,
  outcome compliance.access_outcome,
  reviewed_by uuid,
  reviewed_at timestamptz,
  note kernel.sealed_text,
  CONSTRAINT access_reviews_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT access_reviews_once_uq UNIQUE (tenant_id, event_id, patient_id),
  CONSTRAINT access_reviews_user_fk FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT access_reviews_patient_fk FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT access_reviews_other_reviewer CHECK (reviewed_by <> user_id),
  CONSTRAINT access_reviews_reviewed CHECK ((reviewed_at IS NULL) = (outcome IS NULL) AND (reviewed_at IS NULL) = (reviewed_by IS NULL))
);
CREATE INDEX access_reviews_user_ix ON compliance.access_reviews (tenant_id, user_id);
CREATE INDEX access_reviews_patient_ix ON compliance.access_reviews (tenant_id, patient_id);
CREATE INDEX access_reviews_due_ix ON compliance.access_reviews (tenant_id, due_on) WHERE reviewed_at IS NULL;
COMMENT ON TABLE compliance.access_reviews IS
  'Accesses that somebody has to look at, queued from the audit log each week or by hand, and what was found';
COMMENT ON COLUMN compliance.access_reviews.event_id IS
  'The event of the audit log';
COMMENT ON COLUMN compliance.access_reviews.user_id IS
  'Who opened the record';
COMMENT ON COLUMN compliance.access_reviews.due_on IS
  'By when another person has to look at it';
COMMENT ON COLUMN compliance.access_reviews.reviewed_by IS
  'Who looked at it; nil for the operator at the machine';
COMMENT ON CONSTRAINT access_reviews_once_uq ON compliance.access_reviews IS
  'This access is in the queue already';
COMMENT ON CONSTRAINT access_reviews_other_reviewer ON compliance.access_reviews IS
  'Nobody reviews their own access: ask another person';
COMMENT ON CONSTRAINT access_reviews_reviewed ON compliance.access_reviews IS
  'A review has a time, a person and an outcome';
CALL kernel.protect('compliance.access_reviews', class => 'C2', key_class => 'audit', retention => 'audit_logs');
