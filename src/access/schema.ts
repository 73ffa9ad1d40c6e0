import type { SchemaPart } from '../platform/index.ts'

/** Users, sessions, API tokens and the one-time set-up token. Only hashes of passwords and tokens are stored. Times: epoch ms. */
export const accessSchema: SchemaPart = {
  name: 'access',
  steps: [
    `CREATE TABLE user_account (
       username TEXT PRIMARY KEY, password_hash TEXT NOT NULL, grants TEXT NOT NULL, created_at INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE session (
       token_hash TEXT PRIMARY KEY, username TEXT NOT NULL REFERENCES user_account ON DELETE CASCADE,
       created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE api_token (
       id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
       username TEXT NOT NULL REFERENCES user_account ON DELETE CASCADE,
       grants TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER
     ) STRICT;
     CREATE TABLE setup_token (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), token_hash TEXT NOT NULL) STRICT`,
  ],
}

/**
 * Tables of which each server of a pair has its own rows. People sign in on either, also on a standby, which writes nothing else; what ends
 * sessions (a password that is changed) is repeated on both. The set-up token is not among them: a standby that kept its own
 * would let in whoever holds it.
 */
export const localAccessTables: readonly string[] = ['session']
