/** What is typed on the machine of a new agent, line by line. */
export interface AgentCommands {
  readonly trust: string
  readonly start: string
}

/**
 * The commands that make a machine an agent of this server. Whatever somebody typed reaches the shell as one word.
 * @param given.fingerprint of the server's certificate; without it the command shows it and asks
 * @param given.token accepts the agent without a click
 */
export function agentCommands(given: {
  readonly url: string
  readonly fingerprint?: string
  readonly name?: string
  readonly token?: string
}): AgentCommands {
  const url = shellWord(given.url)
  const name = given.name === undefined || given.name.trim() === '' ? '' : ` --name ${shellWord(given.name.trim())}`
  const token = given.token === undefined ? '' : `FARWATCH_ENROLMENT_TOKEN=${shellWord(given.token)} `
  return {
    trust: `farwatch trust ${url}${given.fingerprint === undefined ? '' : ` --fingerprint ${shellWord(given.fingerprint)}`}`,
    start: `${token}farwatch start --role agent --server ${url}${name}`,
  }
}

/** Quoted where a POSIX shell would read more than one word into it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** Whether an address means the machine itself, whoever uses it. */
export function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

/** An address as a server's: `https`, a host, and nothing behind the path. Undefined where it is none. */
export function readServerUrl(text: string): string | undefined {
  const trimmed = text.trim()
  if (!URL.canParse(trimmed)) return undefined
  const url = new URL(trimmed)
  return url.protocol === 'https:' && url.hostname !== '' && url.search === '' && url.hash === '' ? trimmed : undefined
}
