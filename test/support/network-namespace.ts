import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

/**
 * A network of its own on this machine, joined to ours by one pair of interfaces: what runs in it reaches `outside` and nothing else, and
 * nobody out here can open a connection into it, as behind a customer's firewall. Needs root.
 */
export class ClosedNetwork implements AsyncDisposable {
  readonly name: string
  /** Our end: what the other side can connect to. */
  readonly outside: string
  /** The other end, for those who try to get in. */
  readonly inside: string
  readonly #interface: string

  private constructor(name: string, subnet: string) {
    this.name = name
    this.outside = `${subnet}.1`
    this.inside = `${subnet}.2`
    this.#interface = `${name}o`
  }

  /** Why there can be none here, or undefined. */
  static obstacle(): string | undefined {
    if (process.platform !== 'linux') return 'only Linux has network namespaces'
    if (process.getuid?.() !== 0) return 'network namespaces need root'
    return undefined
  }

  static async make(): Promise<ClosedNetwork> {
    const id = randomBytes(3)
    // A range that is kept for tests of networks (RFC 2544), and a name that fits the 15 letters of an interface.
    const network = new ClosedNetwork(`fw${id.toString('hex')}`, `198.18.${id[0]!}`)
    try {
      network.#join()
    } catch (thrown) {
      await network[Symbol.asyncDispose]()
      throw thrown
    }
    return network
  }

  #join(): void {
    const { name, outside, inside } = this
    const far = `${name}i`
    ip('netns', 'add', name)
    ip('link', 'add', this.#interface, 'type', 'veth', 'peer', 'name', far, 'netns', name)
    ip('addr', 'add', `${outside}/24`, 'dev', this.#interface)
    ip('link', 'set', this.#interface, 'up')
    for (const device of ['lo', far]) this.#within('ip', ['link', 'set', device, 'up'])
    this.#within('ip', ['addr', 'add', `${inside}/24`, 'dev', far])
    // What belongs to a connection that was opened from in there may come in; a new one may not, nor may a ping.
    const rules = `table inet closed {
  chain in {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
  }
}
`
    this.#within('nft', ['-f', '-'], rules)
  }

  #within(command: string, args: readonly string[], input = ''): void {
    execFileSync('ip', ['netns', 'exec', this.name, command, ...args], { input, stdio: 'pipe' })
  }

  /** What puts a command into it, in place of which the command then runs. */
  get wrap(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name]
  }

  /** What is still in it goes on without a way out. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const args of [
      ['link', 'del', this.#interface],
      ['netns', 'del', this.name],
    ]) {
      try {
        ip(...args)
      } catch {
        // It was never made, or went with the other.
      }
    }
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}
