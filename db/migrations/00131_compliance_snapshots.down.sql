-- lossy: its rows go with its table
CALL kernel.forget('school.compliance_snapshots');
DROP DOMAIN school.snapshot_kind;
