-- Servers remember persons' keys. What tells them that a key was destroyed is one value a tenant, read with the rows that
-- are to be opened: one look instead of one for each row (docs/decisions/0060).

ALTER TABLE kernel.tenants ADD COLUMN keys_state uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
COMMENT ON COLUMN kernel.tenants.keys_state IS 'Another value whenever the key of a person of this tenant is destroyed';
INSERT INTO kernel.fields (column_id, table_name, column_name, class)
  VALUES (kernel.column_id('kernel.tenants', 'keys_state'), 'kernel.tenants', 'keys_state', 'C0');

CREATE TRIGGER note_destroyed AFTER UPDATE OF wrapped ON kernel.subject_keys
  FOR EACH ROW WHEN (OLD.wrapped IS NOT NULL AND NEW.wrapped IS NULL) EXECUTE FUNCTION kernel.note_destroyed();
CREATE TRIGGER note_removed AFTER DELETE ON kernel.subject_keys
  FOR EACH ROW WHEN (OLD.wrapped IS NOT NULL) EXECUTE FUNCTION kernel.note_destroyed();
