/** What an agent knows of one of its servers. Moments are of its own monotonic clock. */
export interface KnownServer {
  readonly url: string
  /** What it calls itself, under whatever URL it is asked; its URL until it has said so. */
  id: string
  /** When it last answered anything. */
  answeredAt: number | undefined
  /** When it last dealt with this agent as the one that acts. */
  servedAt: number | undefined
  /** Whether it said that it acts; undefined before it said anything. */
  acts: boolean | undefined
  term: number | undefined
  version: string | undefined
  /** Why it did not do what it was asked last. For people. */
  message: string
  /** How often it failed in a row, and when last. */
  failures: number
  failedAt: number
  /** It answered, and not that it does not act: what it refused another server would refuse as well. */
  refuses: boolean
  /** It is not asked before. */
  notBefore: number
  /** Its time minus that of the server that acts, where that is too much for its signatures; milliseconds. */
  clockOffsetMs: number
  /** It is of a version without witnesses: until then it is not told what it does not understand. */
  deafUntil: number
  /** How long it lets an agent take to say what it saw. */
  withinMs: number | undefined
}

/** The servers of an agent: those of its settings, and those that a server named. */
export class KnownServers {
  #servers: readonly KnownServer[] = []

  /** These are the URLs from now on; what is known of those that stay is kept. */
  follow(urls: readonly string[]): void {
    const wanted = [...new Set(urls.map(bareUrl))]
    if (wanted.length === this.#servers.length && wanted.every((url, i) => this.#servers[i]?.url === url)) return
    this.#servers = wanted.map((url) => this.of(url) ?? unknownServer(url))
  }

  get all(): readonly KnownServer[] {
    return this.#servers
  }

  of(url: string): KnownServer | undefined {
    return this.#servers.find((server) => server.url === url)
  }

  /** Who is asked after one has failed: the next that may be asked by now, or else the one that may be asked first. */
  next(after: string | undefined, at: number): KnownServer | undefined {
    const turn = this.#servers.findIndex(({ url }) => url === after) + 1
    const inTurn = [...this.#servers.slice(turn), ...this.#servers.slice(0, turn)]
    const first = Math.min(...inTurn.map(({ notBefore }) => Math.max(notBefore, at)))
    return inTurn.find(({ notBefore }) => notBefore <= first)
  }

  /** How long ago another server than this one last served the agent; undefined: never. */
  servedByAnotherMsAgo({ id }: KnownServer, at: number): number | undefined {
    const moments = this.#servers.flatMap((other) => (other.id === id ? [] : (other.servedAt ?? [])))
    return moments.length === 0 ? undefined : Math.max(0, at - Math.max(...moments))
  }

  /** Pauses end, and whoever was not understood is told again: the lines are others now. */
  forgetFailures(): void {
    for (const server of this.#servers)
      Object.assign(server, { failures: 0, failedAt: -Infinity, notBefore: 0, deafUntil: 0 })
  }
}

export function bareUrl(url: string): string {
  return url.replace(/\/+$/, '')
}

function unknownServer(url: string): KnownServer {
  return {
    url,
    id: url,
    answeredAt: undefined,
    servedAt: undefined,
    acts: undefined,
    term: undefined,
    version: undefined,
    message: '',
    failures: 0,
    failedAt: -Infinity,
    refuses: false,
    notBefore: 0,
    clockOffsetMs: 0,
    deafUntil: 0,
    withinMs: undefined,
  }
}
