export interface ExecRequest {
  /** A name looked up in the connector's directory, or an absolute path. Never a shell's command line. */
  readonly command: string
  readonly args: readonly string[]
  /** At most so many bytes of output are kept; the rest is read and thrown away. */
  readonly maxOutputBytes: number
}

export interface ExecSeen {
  /** The exit code, or the name of the signal that ended the program. */
  readonly exit: number | string
  readonly stdout: string
  readonly stderr: string
  readonly truncated: boolean
  readonly duration: number
}

export interface ExecClient {
  /**
   * Runs a program in a process group of its own, which is ended as a whole when the signal aborts.
   * Throws TargetError: configuration (no such program, not executable), timed out.
   */
  run(request: ExecRequest, signal: AbortSignal): Promise<ExecSeen>
  /** Names of the programs in the connector's directory. Throws TargetError: configuration (no such directory). */
  programs(signal: AbortSignal): Promise<readonly string[]>
}
