-- lossy: which contact of the person each linked user is, and what barred it
ALTER TABLE compliance.sensitivity_consents ALTER COLUMN effective_from SET DEFAULT current_date;
ALTER TABLE auth.person_units         ALTER COLUMN valid_from SET DEFAULT current_date;
ALTER TABLE auth.user_units           ALTER COLUMN valid_from SET DEFAULT current_date;
ALTER TABLE auth.caseload_assignments ALTER COLUMN valid_from SET DEFAULT current_date;
ALTER TABLE auth.user_person_links    ALTER COLUMN valid_from SET DEFAULT current_date;
DROP TRIGGER judge_links ON medical.patients;
DROP TRIGGER judge_links ON medical.patient_contacts;
DROP TRIGGER judge_links_made ON medical.patient_contacts;
DROP TRIGGER judge_links ON auth.user_person_links;
DROP TRIGGER judge_link ON auth.user_person_links;
DELETE FROM kernel.fields
 WHERE table_name = 'auth.user_person_links' AND column_name IN ('contact_id', 'barred_by', 'child_until');
ALTER TABLE auth.user_person_links DROP COLUMN contact_id, DROP COLUMN barred_by, DROP COLUMN child_until;
DROP DOMAIN auth.link_bar;
ALTER TABLE auth.organizations DROP CONSTRAINT organizations_timezone_known;
