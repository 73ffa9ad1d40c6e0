export interface SshRequest {
  /** The program and its arguments. Each is quoted, so that the shell at the other end expands nothing in it. */
  readonly words: readonly string[]
  /** At most so many bytes of output are kept; the rest is read and thrown away. */
  readonly maxOutputBytes: number
}

export interface SshSeen {
  /** The exit code, or the name of the signal that ended the program. */
  readonly exit: number | string
  readonly stdout: string
  readonly stderr: string
  readonly truncated: boolean
  /** Milliseconds. */
  readonly duration: number
}

/** A host by SSH. One connection serves all runs and is kept between them; each command has a channel of its own. */
export interface SshClient {
  readonly target: string
  /**
   * Runs one program without a terminal, and ends it when the signal aborts as far as the host lets us.
   * Throws TargetError: refused, unreachable, timed out, tls (the host key is another than the pinned one), credentials,
   * configuration (the host key is not pinned yet, a key that cannot be read), protocol.
   */
  run(request: SshRequest, signal: AbortSignal): Promise<SshSeen>
}
