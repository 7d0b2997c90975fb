-- Documents that are shared by a link, and each time one was opened.
CREATE DOMAIN reports.share_permission AS text CONSTRAINT share_permission_values
  CHECK (VALUE IN (
    'VIEW', 'DOWNLOAD', 'EDIT'));
COMMENT ON DOMAIN reports.share_permission IS 'What a recipient may do';
COMMENT ON CONSTRAINT share_permission_values ON DOMAIN reports.share_permission IS 'Must be VIEW, DOWNLOAD or EDIT';
CREATE DOMAIN reports.document_access_action AS text CONSTRAINT document_access_action_values
  CHECK (VALUE IN (
    'LINK_OPENED', 'OTP_SENT', 'OTP_FAILED', 'PASSWORD_FAILED', 'VIEWED', 'PAGE_VIEWED', 'DOWNLOADED',
    'EDITED', 'PRINTED', 'DENIED', 'REVOKED'));
COMMENT ON DOMAIN reports.document_access_action IS 'What was done with a share';
COMMENT ON CONSTRAINT document_access_action_values ON DOMAIN reports.document_access_action IS
  'Must be LINK_OPENED, OTP_SENT, OTP_FAILED, PASSWORD_FAILED, VIEWED, PAGE_VIEWED, DOWNLOADED, EDITED, PRINTED, DENIED or REVOKED';
CREATE DOMAIN reports.recipient_kind AS text CONSTRAINT recipient_kind_values
  CHECK (VALUE IN (
    'INTERNAL_USER', 'EXTERNAL_EMAIL', 'LINK', 'ORGANISATION'));
COMMENT ON DOMAIN reports.recipient_kind IS 'To whom a document is shared';
COMMENT ON CONSTRAINT recipient_kind_values ON DOMAIN reports.recipient_kind IS
  'Must be INTERNAL_USER, EXTERNAL_EMAIL, LINK or ORGANISATION';
CREATE DOMAIN reports.share_status AS text CONSTRAINT share_status_values
  CHECK (VALUE IN (
    'ACTIVE', 'EXPIRED', 'EXHAUSTED', 'REVOKED', 'LOCKED'));
COMMENT ON DOMAIN reports.share_status IS 'Whether a share is open';
COMMENT ON CONSTRAINT share_status_values ON DOMAIN reports.share_status IS
  'Must be ACTIVE, EXPIRED, EXHAUSTED, REVOKED or LOCKED';
CREATE DOMAIN reports.access_outcome AS text CONSTRAINT access_outcome_values CHECK (VALUE IN ('ALLOWED', 'DENIED'));
COMMENT ON DOMAIN reports.access_outcome IS 'Whether it was allowed';
COMMENT ON CONSTRAINT access_outcome_values ON DOMAIN reports.access_outcome IS 'Must be ALLOWED or DENIED';

CREATE TABLE reports.shared_documents (
  tenant_id      uuid                     NOT NULL DEFAULT kernel.tenant(),
  id             uuid                     NOT NULL,
  row_version    int                      NOT NULL DEFAULT 1,
  created_at     timestamptz              NOT NULL DEFAULT now(),
  updated_at     timestamptz              NOT NULL DEFAULT now(),
  created_by     uuid                     DEFAULT kernel.actor(),
  updated_by     uuid,
  document_id    uuid                     NOT NULL,
  patient_id     uuid                     NOT NULL,
  recipient_kind reports.recipient_kind   NOT NULL,
  recipient      kernel.sealed_text,
  recipient_bidx kernel.blind_index,
  permission     reports.share_permission NOT NULL DEFAULT 'VIEW',
  token_hash     bytea                    NOT NULL,
  password_hash  kernel.label,
  otp_required   boolean                  NOT NULL DEFAULT false,
  starts_at      timestamptz              NOT NULL DEFAULT now(),
  expires_at     timestamptz              NOT NULL,
  max_downloads  int,
  download_count int                      NOT NULL DEFAULT 0,
  max_views      int,
  view_count     int                      NOT NULL DEFAULT 0,
  watermark      boolean                  NOT NULL DEFAULT true,
  page_range     kernel.code,
  redactions     jsonb                    NOT NULL DEFAULT '[]',
  purpose        kernel.code              NOT NULL,
  legal_basis    kernel.code,
  consent_id     uuid,
  status         reports.share_status     NOT NULL DEFAULT 'ACTIVE',
  revoked_by     uuid,
  revoked_at     timestamptz,
  message        kernel.sealed_text,
  CONSTRAINT shared_documents_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT shared_documents_document_fk
    FOREIGN KEY (tenant_id, document_id) REFERENCES records.documents (tenant_id, id),
  CONSTRAINT shared_documents_patient_fk
    FOREIGN KEY (tenant_id, patient_id) REFERENCES medical.patients (tenant_id, id),
  CONSTRAINT shared_documents_revoked_by_fk FOREIGN KEY (tenant_id, revoked_by) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT shared_documents_token_length CHECK (octet_length(token_hash) = 32),
  CONSTRAINT shared_documents_period CHECK (expires_at > starts_at AND expires_at <= starts_at + interval '90 days'),
  CONSTRAINT shared_documents_counts
    CHECK (download_count >= 0 AND view_count >= 0 AND max_downloads >= 1 AND max_views >= 1),
  CONSTRAINT shared_documents_revoked CHECK ((status = 'REVOKED') = (revoked_at IS NOT NULL))
);
CREATE INDEX shared_documents_patient_ix ON reports.shared_documents (tenant_id, patient_id);
CREATE INDEX shared_documents_revoked_by_ix ON reports.shared_documents (tenant_id, revoked_by);
CREATE INDEX shared_documents_document_ix ON reports.shared_documents (tenant_id, document_id, status);
CREATE UNIQUE INDEX shared_documents_token_uq ON reports.shared_documents (tenant_id, token_hash);
COMMENT ON TABLE reports.shared_documents IS 'Documents that are shared, with whom, how long and how often';
COMMENT ON COLUMN reports.shared_documents.token_hash IS
  'SHA-256 of the token; the token itself is shown once and kept nowhere';
COMMENT ON COLUMN reports.shared_documents.password_hash IS 'Argon2id';
COMMENT ON CONSTRAINT shared_documents_token_length ON reports.shared_documents IS 'Must be a SHA-256';
COMMENT ON CONSTRAINT shared_documents_period ON reports.shared_documents IS 'Ends after it begins and within 90 days';
COMMENT ON CONSTRAINT shared_documents_counts ON reports.shared_documents IS 'Counts cannot be negative';
COMMENT ON CONSTRAINT shared_documents_revoked ON reports.shared_documents IS
  'A revoked share, and only that, says when';
COMMENT ON INDEX reports.shared_documents_token_uq IS 'This token is in use';
CALL kernel.protect('reports.shared_documents',
  subject => 'patient_id', class => 'C2', key_class => 'documents', retention => 'disclosures');
CALL kernel.classify('reports.shared_documents', 'recipient', search => 'email', phi => 'email');
CALL kernel.classify('reports.shared_documents', 'password_hash', phi => 'secret');

CREATE TABLE reports.document_access_log (
  tenant_id  uuid                   NOT NULL DEFAULT kernel.tenant(),
  id         uuid                   NOT NULL,
  created_at timestamptz            NOT NULL DEFAULT now(),
  created_by uuid                   DEFAULT kernel.actor(),
  share_id   uuid                   NOT NULL,
  at         timestamptz            NOT NULL DEFAULT now(),
  action     reports.document_access_action NOT NULL,
  ip         kernel.sealed_text,
  user_agent kernel.sealed_text,
  actor_id   uuid,
  bytes      bigint,
  page       int,
  outcome    reports.access_outcome NOT NULL,
  CONSTRAINT document_access_log_pk PRIMARY KEY (tenant_id, id),
  CONSTRAINT document_access_log_actor_fk FOREIGN KEY (tenant_id, actor_id) REFERENCES auth.users (tenant_id, id),
  CONSTRAINT document_access_log_counts CHECK (bytes >= 0 AND page >= 1)
);
CREATE INDEX document_access_log_actor_ix ON reports.document_access_log (tenant_id, actor_id);
CREATE INDEX document_access_log_share_ix ON reports.document_access_log (tenant_id, share_id, at);
COMMENT ON TABLE reports.document_access_log IS
  'Each time a share was opened; written once. It outlives the share, so it names it without a reference';
COMMENT ON COLUMN reports.document_access_log.share_id IS 'reports.shared_documents.id';
COMMENT ON CONSTRAINT document_access_log_counts ON reports.document_access_log IS 'Counts cannot be negative';
CALL kernel.protect('reports.document_access_log',
  key_class => 'audit', retention => 'disclosures', append_only => true);
