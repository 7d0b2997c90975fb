-- lossy: the originals of imported resources go with their table
CALL kernel.forget('exchange.fhir_resources');
DROP SCHEMA exchange;
