/**
 * Every failure a user can meet, by its stable code. A code never changes meaning and a retired one is never reused.
 * `status` is the HTTP status the API answers with. docs/errors.md is written from this table; add a row, then run `npm run generate`.
 */
export const errorCatalogue = {
  // What was asked
  'bad-request': { status: 400, title: 'The request is not of the documented form.' },
  'invalid-value': { status: 400, title: 'A value is outside of what is allowed.' },
  'invalid-document': { status: 422, title: 'The configuration document has problems; nothing was changed.' },
  unauthenticated: { status: 401, title: 'No valid token came with the request.' },
  'wrong-password': { status: 401, title: 'User name or password is wrong.' },
  forbidden: { status: 403, title: 'The signed-in user may not do this.' },
  'not-found': { status: 404, title: 'What was asked for does not exist, or is not visible to the signed-in user.' },
  conflict: { status: 409, title: 'The request does not fit the present state.' },
  'too-large': { status: 413, title: 'The request is larger than the limit.' },
  'too-many-requests': { status: 429, title: 'Too many attempts; wait and try again.' },
  'not-in-this-role': { status: 409, title: 'This instance does not have the role that the request needs.' },
  'not-active': {
    status: 409,
    title: 'The other server of the pair is the active one; this one changes nothing.',
  },
  // The state of the instance
  internal: { status: 500, title: 'A defect in Farwatch; the log has the details.' },
  'storage-unwritable': {
    status: 503,
    title: 'The data directory cannot be written: disk full, read-only or failing.',
  },
  'shutting-down': { status: 503, title: 'This instance is stopping.' },
  overloaded: { status: 503, title: 'More is asked for than the instance can take at the moment.' },
  // Starting
  'data-directory-in-use': { status: 500, title: 'Another Farwatch runs on this data directory.' },
  'data-directory-newer': { status: 500, title: 'The data directory was written by a newer Farwatch.' },
  'data-directory-unusable': { status: 500, title: 'The data directory cannot be read or written.' },
  'storage-corrupt': { status: 500, title: 'A stored file does not have the content it must have.' },
  'address-in-use': { status: 500, title: 'The port is taken by another program.' },
  'invalid-setting': { status: 400, title: 'A setting has a value that cannot be used.' },
  'not-supported': { status: 501, title: 'This version cannot do that.' },
  // The command line
  'wrong-use': { status: 400, title: 'The command line is not of the documented form.' },
  unreachable: { status: 502, title: 'The instance could not be reached.' },
  'untrusted-certificate': { status: 502, title: 'The certificate that the other side shows is not trusted here.' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>

export type ErrorCode = keyof typeof errorCatalogue
