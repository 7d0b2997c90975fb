-- Behaviour of the kernel: who is calling, and what "protected" means.
-- Replaced as a whole whenever this file changes. plpgsql bodies may name tables of later migrations.

-- Who is calling ---------------------------------------------------------------------------------
-- Set by the server with set_config(…, true) in the round trip that begins the transaction.
-- An unset tenant is NULL, and NULL equals nothing: without a caller every table is empty.

CREATE OR REPLACE FUNCTION kernel.tenant() RETURNS uuid
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('salus.tenant', true), '')::uuid;
COMMENT ON FUNCTION kernel.tenant() IS 'The tenant this transaction acts for; NULL when none was set';

CREATE OR REPLACE FUNCTION kernel.actor() RETURNS uuid
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('salus.actor', true), '')::uuid;
COMMENT ON FUNCTION kernel.actor() IS 'The user, service account or operator this transaction acts for';

CREATE OR REPLACE FUNCTION kernel.scope() RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('salus.scope', true), '');
COMMENT ON FUNCTION kernel.scope() IS
  'tenant: every row of the tenant; whole, labelled: every row that no label closes; own: rows of the persons reached; NULL: nothing';

-- A condition of its own, because PostgreSQL takes a comparison with an unknown text for one row in 200, and then plans
-- every page of a list as if the table were nearly empty; an unknown yes or no counts as one row in two.
CREATE OR REPLACE FUNCTION kernel.is_whole_tenant() RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN coalesce(current_setting('salus.scope', true) IN ('tenant', 'whole', 'labelled'), false);
COMMENT ON FUNCTION kernel.is_whole_tenant() IS 'Whether the caller reaches every row of the tenant that no label closes';

CREATE OR REPLACE FUNCTION kernel.reaches(scope text) RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN coalesce(scope = ANY (string_to_array(current_setting('salus.reach', true), ',')), false);
COMMENT ON FUNCTION kernel.reaches(text) IS 'Whether a scope (own, ward, caseload, school, glass) is one of the caller''s';

CREATE OR REPLACE FUNCTION kernel.is_staff() RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN kernel.is_whole_tenant() OR (coalesce(current_setting('salus.scope', true) = 'own', false)
    AND (kernel.reaches('caseload') OR kernel.reaches('school') OR kernel.reaches('glass')));
COMMENT ON FUNCTION kernel.is_staff() IS
  'Whether the caller works here: reaches rows about no person as permitted, and writes those of the persons reached';

CREATE OR REPLACE FUNCTION kernel.has_labels() RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN coalesce(current_setting('salus.scope', true) NOT IN ('tenant', 'whole'), true);
COMMENT ON FUNCTION kernel.has_labels() IS 'False only for the kernel, and when the server has seen that no person and no row apart bears a label';

CREATE OR REPLACE FUNCTION kernel.is_bound() RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN coalesce(current_setting('salus.scope', true) <> 'tenant', true);
COMMENT ON FUNCTION kernel.is_bound() IS 'Whether labels in rows bind the caller: all but the kernel and the operator';

-- Protection -------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION kernel.touch() RETURNS trigger
  LANGUAGE plpgsql AS $$
BEGIN
  -- Moving a value under another key changes nothing that anyone can read: who changed the row last, and the version
  -- that a person is editing, stay.
  IF current_setting('salus.rekeying', true) = 'on' THEN
    NEW.row_version := OLD.row_version;
    NEW.updated_at  := OLD.updated_at;
    NEW.updated_by  := OLD.updated_by;
    NEW.created_at  := OLD.created_at;
    NEW.created_by  := OLD.created_by;
    RETURN NEW;
  END IF;
  NEW.row_version := OLD.row_version + 1;
  NEW.updated_at  := clock_timestamp();
  NEW.updated_by  := kernel.actor();
  NEW.created_at  := OLD.created_at;
  NEW.created_by  := OLD.created_by;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION kernel.touch() IS 'Counts the version of a changed row and keeps who made it and when; not for a row that is only put under another key';

CREATE OR REPLACE FUNCTION kernel.note_destroyed() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE kernel.tenants SET keys_state = gen_random_uuid() WHERE id = OLD.tenant_id;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION kernel.note_destroyed() FROM PUBLIC;
COMMENT ON FUNCTION kernel.note_destroyed() IS 'Tells every server that remembers persons'' keys of this tenant that one was destroyed';

-- Once a transaction: whoever changes the policy of a tenant waits for whoever is doing so, so that the numbers are in the
-- order in which the changes hold.
CREATE OR REPLACE FUNCTION kernel.note_policy() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  whose uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
  noted text;
BEGIN
  IF current_setting('salus.policy_noted', true) IS DISTINCT FROM whose::text THEN
    UPDATE kernel.tenants SET policy_version = policy_version + 1 WHERE id = whose;
    noted := set_config('salus.policy_noted', whose::text, true);
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION kernel.note_policy() FROM PUBLIC;
COMMENT ON FUNCTION kernel.note_policy() IS
  'Counts up the version of a tenant''s policy, once in a transaction that changes what decisions are made by';

-- Every row that a transaction writes is told to the server, which puts a digest of it into the audit event
-- (docs/decisions/0025). A line is an operation, a table, the number of the change, and the row as it is stored: straight to
-- text, which costs half of what jsonb does. No column is of the type json, so a row has no line break.
CREATE OR REPLACE FUNCTION kernel.mark_rows() RETURNS trigger
  LANGUAGE plpgsql AS $$
DECLARE
  told text;
BEGIN
  -- A migration has no caller, and may write more rows than can be told of: it takes them afterwards.
  IF kernel.tenant() IS NULL THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' THEN
    SELECT string_agg(format('- %s.%s %s %s', TG_TABLE_SCHEMA, TG_TABLE_NAME, nextval('kernel.row_changes'), jsonb_build_object('id', o.id)), E'\n')
      INTO told FROM old_rows o;
  ELSIF TG_OP = 'INSERT' OR TG_NARGS = 0 THEN
    SELECT string_agg(format('+ %s.%s %s %s', TG_TABLE_SCHEMA, TG_TABLE_NAME, nextval('kernel.row_changes'), row_to_json(n)), E'\n')
      INTO told FROM new_rows n;
  ELSE
    -- The arguments are columns that change without anyone's act, such as when a key was last used.
    SELECT string_agg(format('+ %s.%s %s %s', TG_TABLE_SCHEMA, TG_TABLE_NAME, nextval('kernel.row_changes'), row_to_json(n)), E'\n')
      INTO told FROM new_rows n LEFT JOIN old_rows o ON o.tenant_id = n.tenant_id AND o.id = n.id
     WHERE to_jsonb(n) - TG_ARGV IS DISTINCT FROM to_jsonb(o) - TG_ARGV;
  END IF;
  IF told IS NOT NULL THEN
    -- An assignment is no query of its own, as PERFORM would be.
    told := set_config('salus.marks', concat(current_setting('salus.marks', true), told, E'\n'), true);
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION kernel.mark_rows() IS
  'Tells the server which rows a statement wrote and what they hold, for the digests in its audit event';

CREATE OR REPLACE FUNCTION kernel.take_marks() RETURNS text
  LANGUAGE plpgsql AS $$
DECLARE
  told text := current_setting('salus.marks', true);
  none text;
BEGIN
  IF told <> '' THEN
    none := set_config('salus.marks', '', true);
  END IF;
  RETURN told;
END $$;
COMMENT ON FUNCTION kernel.take_marks() IS 'What was written since the last call in this transaction; once';

CREATE OR REPLACE PROCEDURE kernel.mark(tbl regclass, unmarked text[] DEFAULT '{}')
  LANGUAGE plpgsql AS $$
DECLARE
  args text := coalesce((SELECT string_agg(quote_literal(c), ', ') FROM unnest(unmarked) c), '');
BEGIN
  CALL kernel.unmark(tbl);
  EXECUTE format('CREATE TRIGGER mark_inserts AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION kernel.mark_rows(%s)', tbl, args);
  EXECUTE format('CREATE TRIGGER mark_updates AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION kernel.mark_rows(%s)', tbl, args);
  EXECUTE format('CREATE TRIGGER mark_deletes AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION kernel.mark_rows(%s)', tbl, args);
END $$;
COMMENT ON PROCEDURE kernel.mark(regclass, text[]) IS
  'Has the rows of a table digested into audit events, without the columns named; protect does it for every table';

CREATE OR REPLACE PROCEDURE kernel.unmark(tbl regclass)
  LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DROP TRIGGER IF EXISTS mark_inserts ON %s', tbl);
  EXECUTE format('DROP TRIGGER IF EXISTS mark_updates ON %s', tbl);
  EXECUTE format('DROP TRIGGER IF EXISTS mark_deletes ON %s', tbl);
END $$;
COMMENT ON PROCEDURE kernel.unmark(regclass) IS
  'For a table of which every row is made anew from others, or changes at every request';

CREATE OR REPLACE FUNCTION kernel.refuse_change() RETURNS trigger
  LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'append_only';
END $$;
COMMENT ON FUNCTION kernel.refuse_change() IS 'Stops accidents on append-only tables; the Merkle log is what stops intent';

CREATE OR REPLACE PROCEDURE kernel.word_keys(tbl regclass)
  LANGUAGE plpgsql AS $$
DECLARE
  c record;
BEGIN
  -- The wording of keys and references follows from what they are; checks and uniques say their own.
  FOR c IN
    SELECT k.conname, k.contype, r.relname AS target
      FROM pg_constraint k LEFT JOIN pg_class r ON r.oid = k.confrelid
     WHERE k.conrelid = tbl AND k.contype IN ('p', 'f')
       AND obj_description(k.oid, 'pg_constraint') IS NULL
  LOOP
    EXECUTE format('COMMENT ON CONSTRAINT %I ON %s IS %L', c.conname, tbl,
      CASE c.contype WHEN 'p' THEN 'A record with this id exists already'
                     ELSE format('Must name an existing record of %s', replace(c.target, '_', ' ')) END);
  END LOOP;
END $$;
COMMENT ON PROCEDURE kernel.word_keys(regclass) IS
  'Gives each uncommented key and reference of a table the message a person reads when it refuses';

CREATE OR REPLACE PROCEDURE kernel.admit(tbl regclass)
  LANGUAGE plpgsql AS $$
DECLARE
  t record;
BEGIN
  SELECT k.* INTO STRICT t FROM kernel.tables k WHERE k.table_name::regclass = tbl;
  IF t.table_name LIKE 'audit.%' THEN
    RETURN; -- every event is written, whoever it is about
  END IF;
  IF t.subject_column IS NULL THEN
    -- What is about no person is read and changed by whoever works here, as permitted; links and labels are not.
    IF t.class = 'C1' AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = tbl AND polname = 'staff') THEN
      EXECUTE format('CREATE POLICY staff ON %s FOR ALL USING ((SELECT kernel.is_staff())) WITH CHECK ((SELECT kernel.is_staff()))', tbl);
    END IF;
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM pg_policy WHERE polrelid = tbl AND polname = 'sensitivity') THEN
    RETURN;
  END IF;
  EXECUTE format('CREATE POLICY reached_person_add ON %s FOR INSERT WITH CHECK ((SELECT kernel.is_staff()) AND %I IN (SELECT kernel.own_persons()))', tbl, t.subject_column);
  EXECUTE format('CREATE POLICY reached_person_change ON %s FOR UPDATE USING ((SELECT kernel.is_staff()) AND %2$I IN (SELECT kernel.own_persons())) WITH CHECK ((SELECT kernel.is_staff()) AND %2$I IN (SELECT kernel.own_persons()))', tbl, t.subject_column);
  -- A row of the records may bear a label of its own, as the source sent it.
  IF t.table_name LIKE 'records.%' AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = tbl AND attname = 'sensitivity' AND NOT attisdropped) THEN
    EXECUTE format('CREATE POLICY own_label ON %s AS RESTRICTIVE FOR ALL USING (sensitivity IS NULL OR NOT (SELECT kernel.is_bound()) OR kernel.opens(%I, sensitivity))', tbl, t.subject_column);
  END IF;
  EXECUTE format('CREATE POLICY sensitivity ON %s AS RESTRICTIVE FOR ALL USING (NOT (SELECT kernel.has_labels()) OR NOT (coalesce(%I IN (SELECT kernel.closed()), false) OR id IN (SELECT kernel.closed())))', tbl, t.subject_column);
END $$;
COMMENT ON PROCEDURE kernel.admit(regclass) IS
  'The policies by which those who do not reach the whole tenant work, and by which a label closes a row; part of kernel.protect';

CREATE OR REPLACE PROCEDURE kernel.protect(
    tbl         regclass,
    subject     name    DEFAULT NULL,   -- the column that names the person a row is about
    class       text    DEFAULT 'C1',   -- class of the columns that are not sealed: C1 or C2
    key_class   text    DEFAULT 'identity', -- which data key seals the sealed ones
    retention   text    DEFAULT 'operational',
    append_only boolean DEFAULT false)
  LANGUAGE plpgsql AS $$
DECLARE
  full_name text;
BEGIN
  SELECT format('%I.%I', n.nspname, k.relname) INTO full_name
    FROM pg_class k JOIN pg_namespace n ON n.oid = k.relnamespace WHERE k.oid = tbl;
  IF class NOT IN ('C1', 'C2') THEN
    RAISE EXCEPTION 'protect(%): class must be C1 or C2, not %', full_name, class;
  END IF;

  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tbl);
  EXECUTE format('CREATE POLICY tenant_wall ON %s AS RESTRICTIVE FOR ALL USING (tenant_id = (SELECT kernel.tenant())) WITH CHECK (tenant_id = (SELECT kernel.tenant()))', tbl);
  EXECUTE format('CREATE POLICY whole_tenant ON %s FOR ALL USING ((SELECT kernel.is_whole_tenant())) WITH CHECK ((SELECT kernel.is_whole_tenant()))', tbl);
  IF subject IS NOT NULL THEN
    EXECUTE format('CREATE POLICY own_person ON %s FOR SELECT USING ((SELECT kernel.scope()) = ''own'' AND %I IN (SELECT kernel.own_persons()))', tbl, subject);
  END IF;

  EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', tbl);
  EXECUTE format('GRANT SELECT ON %s TO salus_app, salus_reader, salus_backup', tbl);
  EXECUTE format('GRANT INSERT ON %s TO salus_app', tbl);
  IF append_only THEN
    EXECUTE format('CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION kernel.refuse_change()', tbl);
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION kernel.refuse_change()', tbl);
  ELSE
    EXECUTE format('GRANT UPDATE, DELETE ON %s TO salus_app', tbl);
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = tbl AND attname = 'row_version') THEN
      EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION kernel.touch()', tbl);
    END IF;
  END IF;

  -- Tables of before the migration that made the sequence are marked by it.
  IF to_regclass('kernel.row_changes') IS NOT NULL
     AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = tbl AND attname = 'id') THEN
    CALL kernel.mark(tbl);
  END IF;

  CALL kernel.word_keys(tbl);
  INSERT INTO kernel.tables (table_name, subject_column, class, key_class, retention, append_only)
    VALUES (full_name, subject, class, key_class, retention, append_only);
  INSERT INTO kernel.fields (column_id, table_name, column_name, class, key_class, subject_bound)
    SELECT kernel.column_id(full_name, a.attname), full_name, a.attname,
           CASE WHEN t.typname LIKE 'sealed\_%' THEN 'C3'
                WHEN a.attname IN ('id', 'tenant_id', 'row_version', 'created_at', 'updated_at', 'created_by', 'updated_by') THEN 'C1'
                ELSE class END,
           CASE WHEN t.typname LIKE 'sealed\_%' THEN key_class END,
           t.typname LIKE 'sealed\_%' AND subject IS NOT NULL
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = tbl AND a.attnum > 0 AND NOT a.attisdropped;
  CALL kernel.admit(tbl);
END $$;
COMMENT ON PROCEDURE kernel.protect(regclass, name, text, text, text, boolean) IS
  'Declares the whole protection of a tenant table: row-level security, change trigger, grants, retention, class of each column';

CREATE OR REPLACE FUNCTION kernel.column_id(table_name text, column_name text) RETURNS bigint
  LANGUAGE sql IMMUTABLE STRICT
  RETURN ('x' || left(encode(sha256(convert_to(table_name || '.' || column_name, 'UTF8')), 'hex'), 8))::bit(32)::bigint & 4294967295;
COMMENT ON FUNCTION kernel.column_id(text, text) IS
  'The 32-bit number that binds a sealed value to its column; taken from the name at registration and kept through renames';

-- A blind index tells which rows hold the same value, and how often: of a column with few values that is the value itself
-- (Naveed et al. 2015). What a name or a constraint tells is refused here; what rows tell, by salus doctor crypto.
CREATE OR REPLACE FUNCTION kernel.few_valued(tbl regclass, col name) RETURNS boolean
  LANGUAGE sql STABLE AS $$
  SELECT a.attname ~ ('(^|_)(sex|gender|pronouns|race|ethnicity|religion|marital_status|status|state|country|nationality|language'
                      '|blood_type|kind|type|category|class|grade|severity|outcome|disposition|result|flag|code_system|year|month)$')
      OR a.attname ~ '^(is|has|was|needs)_'
      OR coalesce(nullif(t.typbasetype, 0), t.oid) = 'boolean'::regtype
      OR EXISTS (SELECT FROM pg_constraint c WHERE c.contype = 'c' AND pg_get_constraintdef(c.oid) ~ '= ANY \(|\mIN \('
                    AND (c.contypid = t.oid OR (c.conrelid = tbl AND c.conkey = ARRAY[a.attnum])))
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
   WHERE a.attrelid = tbl AND a.attname = col AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION kernel.few_valued(regclass, name) IS
  'Whether a column has few values by its name, type or constraint, so that a blind index on it would tell them';

CREATE OR REPLACE PROCEDURE kernel.classify(
    tbl regclass, col name,
    class  text DEFAULT NULL,   -- C1, C2, C3 or C4
    search text DEFAULT NULL,   -- exact, identifier, phone, email, date, postal: a blind index; name: tokens
    phi    text DEFAULT NULL)   -- what kind of identifier it is (45 CFR 164.514(b)(2)): name, date, phone, …
  LANGUAGE plpgsql AS $$
DECLARE
  full_name text;
BEGIN
  SELECT format('%I.%I', n.nspname, k.relname) INTO full_name
    FROM pg_class k JOIN pg_namespace n ON n.oid = k.relnamespace WHERE k.oid = tbl;
  IF search IN ('exact', 'identifier', 'phone', 'email', 'date', 'postal')
     AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = tbl AND attname = col || '_bidx' AND NOT attisdropped) THEN
    RAISE EXCEPTION 'classify(%.%): equality search needs the column %_bidx kernel.blind_index', full_name, col, col;
  END IF;
  IF search IN ('exact', 'identifier', 'phone', 'email', 'date', 'postal') AND kernel.few_valued(tbl, col) THEN
    RAISE EXCEPTION 'classify(%.%): a blind index on a column with few values tells them by how often each occurs: filter after opening', full_name, col;
  END IF;
  UPDATE kernel.fields f
     SET class = coalesce(classify.class, f.class), search = coalesce(classify.search, f.search), phi = coalesce(classify.phi, f.phi)
   WHERE f.table_name = full_name AND f.column_name = col;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'classify(%.%): no such column in a protected table', full_name, col;
  END IF;
END $$;
COMMENT ON PROCEDURE kernel.classify(regclass, name, text, text, text) IS
  'Says more about one column than protect can guess: its class, how it is searched, what kind of identifier it holds';

CREATE OR REPLACE PROCEDURE kernel.share(tbl regclass, reason text, readable boolean DEFAULT true)
  LANGUAGE plpgsql AS $$
DECLARE
  full_name text;
BEGIN
  SELECT format('%I.%I', n.nspname, k.relname) INTO full_name
    FROM pg_class k JOIN pg_namespace n ON n.oid = k.relnamespace WHERE k.oid = tbl;
  EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', tbl);
  EXECUTE format('GRANT SELECT ON %s TO salus_backup', tbl);
  IF readable THEN
    EXECUTE format('GRANT SELECT ON %s TO salus_app, salus_reader', tbl);
  END IF;
  CALL kernel.word_keys(tbl);
  INSERT INTO kernel.tables (table_name, class, retention, shared_reason) VALUES (full_name, 'C0', 'operational', reason);
  INSERT INTO kernel.fields (column_id, table_name, column_name, class)
    SELECT kernel.column_id(full_name, a.attname), full_name, a.attname, 'C0'
      FROM pg_attribute a WHERE a.attrelid = tbl AND a.attnum > 0 AND NOT a.attisdropped;
END $$;
COMMENT ON PROCEDURE kernel.share(regclass, text, boolean) IS
  'Declares a table that all tenants read and none owns (class C0), with the reason why that is right';

CREATE OR REPLACE PROCEDURE kernel.forget(tbl regclass)
  LANGUAGE plpgsql AS $$
DECLARE
  full_name text;
BEGIN
  SELECT format('%I.%I', n.nspname, k.relname) INTO full_name
    FROM pg_class k JOIN pg_namespace n ON n.oid = k.relnamespace WHERE k.oid = tbl;
  DELETE FROM kernel.fields f WHERE f.table_name = full_name;
  DELETE FROM kernel.tables t WHERE t.table_name = full_name;
  EXECUTE format('DROP TABLE %s', tbl);
END $$;
COMMENT ON PROCEDURE kernel.forget(regclass) IS 'Drops a table and its registration; for down migrations';

-- Dates of which only a part is known --------------------------------------------------------------

CREATE OR REPLACE FUNCTION kernel.is_precise(day date, known text, instant timestamptz) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (day IS NULL) = (known IS NULL)
     AND (instant IS NULL OR known = 'MINUTE')
     AND CASE known
           WHEN 'YEAR'   THEN extract(month FROM day) = 1 AND extract(day FROM day) = 1
           WHEN 'MONTH'  THEN extract(day FROM day) = 1
           WHEN 'MINUTE' THEN instant IS NOT NULL
           ELSE true
         END;
COMMENT ON FUNCTION kernel.is_precise(date, text, timestamptz) IS
  'Whether a date, its precision (YEAR, MONTH, DAY, MINUTE) and its instant agree; what is not known stands at 1';

CREATE OR REPLACE FUNCTION kernel.new_pseudonym() RETURNS text
  LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
DECLARE
  alphabet CONSTANT text := '0123456789ABCDEFGHJKMNPQRSTVWXYZ'; -- Crockford base 32
  bytes bytea := extensions.gen_random_bytes(12);
  word text := 'P-';
BEGIN
  FOR i IN 0 .. 11 LOOP
    word := word || substr(alphabet, 1 + get_byte(bytes, i) % 32, 1);
  END LOOP;
  RETURN word;
END $$;
COMMENT ON FUNCTION kernel.new_pseudonym() IS 'A random name for a person, P- and 60 bits, for those who may not see the real one';
