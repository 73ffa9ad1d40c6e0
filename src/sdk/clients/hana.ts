import type { SqlClient } from './sql.ts'

/** A tenant of a SAP HANA system, or its SYSTEMDB. One session is kept between runs and shared by them, statement by statement. */
export interface HanaClient extends SqlClient {
  /**
   * Signs in with a session of its own and ends it: what somebody new waits for.
   * @returns milliseconds. Throws TargetError as `session` does.
   */
  signIn(signal: AbortSignal): Promise<number>
}
