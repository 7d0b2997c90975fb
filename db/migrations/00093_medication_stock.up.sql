-- What a recorded dose said before it was marked as an error, and the register of controlled drugs: what came, went and was counted.

-- Visits of a day are numbered over all of them, also those that a label or another school closes to whoever checks in: the
-- function counts under the scope of the whole tenant and tells the number only. The tenant's wall stands.
CREATE FUNCTION school.last_visit_number(of_school uuid, of_day date) RETURNS int
  LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  held CONSTANT text := current_setting('salus.scope', true);
  last int;
BEGIN
  PERFORM set_config('salus.scope', 'tenant', true);
  last := (SELECT max(v.visit_number) FROM school.clinic_visits v WHERE v.school_id = of_school AND v.visit_on = of_day);
  PERFORM set_config('salus.scope', held, true);
  RETURN coalesce(last, 0);
END $$;
COMMENT ON FUNCTION school.last_visit_number(uuid, date) IS
  'The last number of the day that a school gave to a visit, whoever may see that visit; 0 when there is none';

CREATE DOMAIN school.stock_entry_kind AS text CONSTRAINT stock_entry_kind_values
  CHECK (VALUE IN ('RECEIVED', 'GIVEN', 'WASTED', 'RETURNED', 'TAKEN_BACK', 'COUNTED'));
COMMENT ON DOMAIN school.stock_entry_kind IS 'Why a supply of a controlled drug changed';
COMMENT ON CONSTRAINT stock_entry_kind_values ON DOMAIN school.stock_entry_kind IS
  'Must be RECEIVED, GIVEN, WASTED, RETURNED, TAKEN_BACK or COUNTED';

CREATE TABLE school.administration_versions (
  tenant_id         uuid               NOT NULL DEFAULT kernel.tenant(),
  id                uuid               NOT NULL,
  row_version       int                NOT NULL DEFAULT 1,
  created_at        timestamptz        NOT NULL DEFAULT now(),
  updated_at        timestamptz        NOT NULL DEFAULT now(),
  created_by        uuid               DEFAULT kernel.actor(),
  updated_by        uuid,
  administration_id uuid               NOT NULL,
  student_id        uuid               NOT NULL,
  version           int                NOT NULL,
  body              kernel.sealed_json NOT NULL,
  reason            kernel.sealed_text NOT NULL,
  CONSTRAINT administration_versions_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT administration_versions_administration_fk
    FOREIGN KEY (tenant_id, administration_id) REFERENCES school.medication_administrations (tenant_id, id),
  CONSTRAINT administration_versions_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT administration_versions_version_uq UNIQUE (tenant_id, administration_id, version)
);
CREATE INDEX administration_versions_student_ix ON school.administration_versions (tenant_id, student_id, administration_id);
COMMENT ON TABLE school.administration_versions IS 'What a recorded dose said before it was marked as an error';
COMMENT ON COLUMN school.administration_versions.version IS 'The row version it had';
COMMENT ON COLUMN school.administration_versions.reason IS 'Why it was an error';
COMMENT ON CONSTRAINT administration_versions_version_uq ON school.administration_versions IS
  'This version is kept already';
CALL kernel.protect('school.administration_versions',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');

CREATE TABLE school.medication_inventory (
  tenant_id   uuid        NOT NULL DEFAULT kernel.tenant(),
  id          uuid        NOT NULL,
  row_version int         NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  created_by  uuid        DEFAULT kernel.actor(),
  updated_by  uuid,
  order_id    uuid        NOT NULL,
  student_id  uuid        NOT NULL,
  school_id   uuid        NOT NULL,
  balance     numeric     NOT NULL DEFAULT 0,
  CONSTRAINT medication_inventory_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT medication_inventory_order_fk
    FOREIGN KEY (tenant_id, order_id) REFERENCES school.student_medication_orders (tenant_id, id),
  CONSTRAINT medication_inventory_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT medication_inventory_school_fk
    FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT medication_inventory_order_uq UNIQUE (tenant_id, order_id),
  CONSTRAINT medication_inventory_not_negative CHECK (balance >= 0)
);
CREATE INDEX medication_inventory_student_ix ON school.medication_inventory (tenant_id, student_id);
CREATE INDEX medication_inventory_school_ix ON school.medication_inventory (tenant_id, school_id);
COMMENT ON TABLE school.medication_inventory IS 'The supply of a controlled drug that a school keeps for an order';
COMMENT ON COLUMN school.medication_inventory.balance IS
  'What should be there, in the unit of the order; follows from the entries, by a trigger';
COMMENT ON CONSTRAINT medication_inventory_order_uq ON school.medication_inventory IS 'This order has a supply already';
COMMENT ON CONSTRAINT medication_inventory_not_negative ON school.medication_inventory IS
  'The register has less than that: count what is there';
CALL kernel.protect('school.medication_inventory',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');

CREATE TABLE school.medication_counts (
  tenant_id    uuid        NOT NULL DEFAULT kernel.tenant(),
  id           uuid        NOT NULL,
  row_version  int         NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  created_by   uuid        DEFAULT kernel.actor(),
  updated_by   uuid,
  inventory_id uuid        NOT NULL,
  student_id   uuid        NOT NULL,
  school_id    uuid        NOT NULL,
  expected     numeric     NOT NULL,
  found        numeric     NOT NULL,
  counted_by   uuid        NOT NULL,
  counted_at   timestamptz NOT NULL,
  confirmed_by uuid,
  confirmed_at timestamptz,
  CONSTRAINT medication_counts_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT medication_counts_inventory_fk
    FOREIGN KEY (tenant_id, inventory_id) REFERENCES school.medication_inventory (tenant_id, id),
  CONSTRAINT medication_counts_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT medication_counts_school_fk
    FOREIGN KEY (tenant_id, school_id) REFERENCES school.schools (tenant_id, id),
  CONSTRAINT medication_counts_counted_by_fk
    FOREIGN KEY (tenant_id, counted_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT medication_counts_confirmed_by_fk
    FOREIGN KEY (tenant_id, confirmed_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT medication_counts_found CHECK (found >= 0),
  CONSTRAINT medication_counts_confirmed CHECK (confirmed_at IS NULL OR confirmed_by IS NOT NULL),
  CONSTRAINT medication_counts_two_persons CHECK (confirmed_by <> counted_by)
);
CREATE INDEX medication_counts_inventory_ix ON school.medication_counts (tenant_id, inventory_id, counted_at DESC);
CREATE INDEX medication_counts_student_ix ON school.medication_counts (tenant_id, student_id);
CREATE INDEX medication_counts_school_ix ON school.medication_counts (tenant_id, school_id);
CREATE INDEX medication_counts_counted_by_ix ON school.medication_counts (tenant_id, counted_by);
CREATE INDEX medication_counts_confirmed_by_ix ON school.medication_counts (tenant_id, confirmed_by);
COMMENT ON TABLE school.medication_counts IS 'Counts of controlled drugs: one person says what is there, another confirms it';
COMMENT ON COLUMN school.medication_counts.expected IS 'What the register said when it was counted';
COMMENT ON COLUMN school.medication_counts.confirmed_by IS 'NULL: waits for the second person, and changes nothing';
COMMENT ON CONSTRAINT medication_counts_found ON school.medication_counts IS 'Cannot be negative';
COMMENT ON CONSTRAINT medication_counts_confirmed ON school.medication_counts IS 'A confirmation has a person';
COMMENT ON CONSTRAINT medication_counts_two_persons ON school.medication_counts IS
  'A count is confirmed by another person than who counted';
CALL kernel.protect('school.medication_counts',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');

CREATE TABLE school.medication_inventory_entries (
  tenant_id         uuid               NOT NULL DEFAULT kernel.tenant(),
  id                uuid               NOT NULL,
  row_version       int                NOT NULL DEFAULT 1,
  created_at        timestamptz        NOT NULL DEFAULT now(),
  updated_at        timestamptz        NOT NULL DEFAULT now(),
  created_by        uuid               DEFAULT kernel.actor(),
  updated_by        uuid,
  inventory_id      uuid               NOT NULL,
  student_id        uuid               NOT NULL,
  kind              school.stock_entry_kind NOT NULL,
  change            numeric            NOT NULL,
  balance_after     numeric            NOT NULL DEFAULT 0,
  entry_at          timestamptz        NOT NULL,
  administration_id uuid,
  count_id          uuid,
  witness_id        uuid,
  reason            kernel.sealed_text,
  CONSTRAINT medication_inventory_entries_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT medication_inventory_entries_inventory_fk
    FOREIGN KEY (tenant_id, inventory_id) REFERENCES school.medication_inventory (tenant_id, id),
  CONSTRAINT medication_inventory_entries_student_fk
    FOREIGN KEY (tenant_id, student_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT medication_inventory_entries_administration_fk
    FOREIGN KEY (tenant_id, administration_id) REFERENCES school.medication_administrations (tenant_id, id),
  CONSTRAINT medication_inventory_entries_count_fk
    FOREIGN KEY (tenant_id, count_id) REFERENCES school.medication_counts (tenant_id, id),
  CONSTRAINT medication_inventory_entries_witness_fk
    FOREIGN KEY (tenant_id, witness_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT medication_inventory_entries_direction
    CHECK ((kind <> 'RECEIVED' OR change > 0) AND (kind NOT IN ('GIVEN', 'WASTED', 'RETURNED') OR change <= 0)),
  CONSTRAINT medication_inventory_entries_witnessed
    CHECK (kind NOT IN ('WASTED', 'RETURNED') OR witness_id IS NOT NULL),
  CONSTRAINT medication_inventory_entries_witness_other CHECK (witness_id <> created_by)
);
CREATE INDEX medication_inventory_entries_inventory_ix
  ON school.medication_inventory_entries (tenant_id, inventory_id, entry_at DESC);
CREATE INDEX medication_inventory_entries_student_ix ON school.medication_inventory_entries (tenant_id, student_id);
CREATE INDEX medication_inventory_entries_administration_ix
  ON school.medication_inventory_entries (tenant_id, administration_id);
CREATE INDEX medication_inventory_entries_count_ix ON school.medication_inventory_entries (tenant_id, count_id);
CREATE INDEX medication_inventory_entries_witness_ix ON school.medication_inventory_entries (tenant_id, witness_id);
COMMENT ON TABLE school.medication_inventory_entries IS
  'The register of controlled drugs: each thing that changed a supply, and what should be there after it';
COMMENT ON COLUMN school.medication_inventory_entries.change IS 'In the unit of the order; what went is negative';
COMMENT ON COLUMN school.medication_inventory_entries.balance_after IS 'Set by the database';
COMMENT ON COLUMN school.medication_inventory_entries.reason IS 'Why it went, or what else is to be said';
COMMENT ON CONSTRAINT medication_inventory_entries_direction ON school.medication_inventory_entries IS
  'What is received adds, what is given, wasted or returned takes away';
COMMENT ON CONSTRAINT medication_inventory_entries_witnessed ON school.medication_inventory_entries IS
  'A controlled drug is wasted or returned before a witness';
COMMENT ON CONSTRAINT medication_inventory_entries_witness_other ON school.medication_inventory_entries IS
  'A witness is another person';
CALL kernel.protect('school.medication_inventory_entries',
  subject => 'student_id', class => 'C2', key_class => 'clinical', retention => 'student_health');
-- Not append-only as logs are: the rows go with their student's tenant, and their seals move to other keys.
CREATE TRIGGER refuse_change BEFORE UPDATE OF kind, change, balance_after, entry_at
  ON school.medication_inventory_entries FOR EACH ROW EXECUTE FUNCTION kernel.refuse_change();

CREATE FUNCTION school.keep_balance() RETURNS trigger
  LANGUAGE plpgsql AS $$
BEGIN
  UPDATE school.medication_inventory i SET balance = trim_scale(i.balance + NEW.change)
   WHERE i.tenant_id = NEW.tenant_id AND i.id = NEW.inventory_id
   RETURNING i.balance INTO NEW.balance_after;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION school.keep_balance() IS
  'Carries an entry of the register over to the supply, which cannot go below nothing, and notes what should be there after it';
CREATE TRIGGER keep_balance BEFORE INSERT ON school.medication_inventory_entries
  FOR EACH ROW EXECUTE FUNCTION school.keep_balance();
