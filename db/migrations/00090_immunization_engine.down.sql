-- lossy: releases, exemptions and evaluations go with their tables
CALL kernel.forget('school.immunization_evaluations');
CALL kernel.forget('school.immunization_exemptions');
CALL kernel.forget('school.schedule_files');
CALL kernel.forget('school.schedule_releases');
DROP DOMAIN school.compliance_status;
DROP DOMAIN school.exemption_status;
DROP DOMAIN school.exemption_kind;
