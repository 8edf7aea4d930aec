-- People and programs: who may use the API and the dashboard, and what they did there.

CREATE TABLE users (
    user_name TEXT PRIMARY KEY,                 -- folded: there is one spelling
    role TEXT NOT NULL,                         -- viewer, operator, admin
    password_hash TEXT,                         -- argon2; NULL: only a one-time login address lets in
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at_us BIGINT NOT NULL,
    last_login_at_us BIGINT
);

CREATE TABLE tokens (
    token_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,                -- SHA-256 of what its bearer presents
    created_by TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT,                       -- NULL: never
    last_used_at_us BIGINT
);

-- Browsers that are logged in, and one-time login addresses.
CREATE TABLE logins (
    digest TEXT PRIMARY KEY,                    -- SHA-256 of the cookie, or of the key
    user_name TEXT NOT NULL,
    once INTEGER NOT NULL,                      -- 1: a key that becomes a login
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL
);
CREATE INDEX logins_by_user ON logins (user_name);
CREATE INDEX logins_by_expiry ON logins (expires_at_us);

CREATE TABLE audit (
    audit_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us BIGINT NOT NULL,
    actor TEXT NOT NULL,                        -- 'user anna', 'token 3 billing', '' for nobody
    address TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,                    -- of the answer
    body TEXT NOT NULL                          -- JSON, secrets redacted, cut
);
CREATE INDEX audit_by_actor ON audit (actor, audit_id);
CREATE INDEX audit_by_time ON audit (at_us);

-- Who asked for it; NULL: the central system itself, or the command line.
ALTER TABLE commands ADD COLUMN requested_by TEXT;
ALTER TABLE tasks ADD COLUMN requested_by TEXT;
