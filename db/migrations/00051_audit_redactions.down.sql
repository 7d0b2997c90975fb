-- lossy: marks of bait go with their table; redactions lose their code and with it their belief
CALL kernel.forget('audit.honey_marks');
CALL kernel.forget('audit.sealing');
REVOKE EXECUTE ON FUNCTION audit.redact(uuid, uuid, text, bytea) FROM salus_app;
GRANT EXECUTE ON FUNCTION audit.redact(uuid, uuid, text, bytea) TO PUBLIC;
DROP TRIGGER refuse_change ON audit.activity_logs;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.activity_logs FOR EACH ROW EXECUTE FUNCTION kernel.refuse_change();
COMMENT ON COLUMN audit.redactions.redact_event IS NULL;
DELETE FROM kernel.fields WHERE table_name = 'audit.redactions' AND column_name = 'code';
ALTER TABLE audit.redactions DROP COLUMN code;
