/** One mounted file system's space, in bytes and inodes. `inodes` is 0 where the file system does not count them. */
export interface FileSystemSpace {
  readonly size: number
  readonly free: number
  /** What a user without privileges may still take. */
  readonly available: number
  readonly inodes: number
  readonly inodesFree: number
}

/** What the runtime itself knows of the machine, on every operating system. */
export interface MachineFacts {
  readonly hostname: string
  readonly system: string
  readonly release: string
  readonly architecture: string
  readonly cpus: number
  /** Milliseconds of all processors by kind since boot. */
  readonly cpuTimes: {
    readonly user: number
    readonly nice: number
    readonly system: number
    readonly idle: number
    readonly interrupt: number
  }
  readonly memory: number
  readonly memoryFree: number
  /** 1, 5 and 15 minutes; zeros on Windows. */
  readonly load: readonly [number, number, number]
  /** Seconds since boot. */
  readonly uptime: number
}

/** The machine that the agent runs on. */
export interface LocalClient {
  machine(): MachineFacts
  /** A file of the system's own below /proc or /sys, at most 1 MiB; undefined where there is none or it may not be read. */
  read(path: string, signal: AbortSignal): Promise<string | undefined>
  /** Undefined where the file system does not answer within two seconds (a dead network drive) or may not be asked. */
  space(mount: string, signal: AbortSignal): Promise<FileSystemSpace | undefined>
  /** Roots of the drives, where the system has no list of mounts to read: `C:\` and so on, or `/`. */
  drives(signal: AbortSignal): Promise<readonly string[]>
}
