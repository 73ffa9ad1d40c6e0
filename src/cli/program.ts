import { Command, CommanderError } from 'commander'
import { FarwatchError, messageOf } from '../base/index.ts'
import type { Client, ClientOptions } from './client.ts'
import type { AgentOptions } from './commands/agents.ts'
import type { CertificateOptions } from './commands/certificate.ts'
import type { CheckOptions } from './commands/check.ts'
import type { DiscoverOptions } from './commands/discover.ts'
import type { FailoverOptions } from './commands/failover.ts'
import type { InstanceOptions } from './commands/instance.ts'
import { start } from './commands/start.ts'
import { trust } from './commands/trust.ts'
import { exitCodes, line, type Terminal } from './terminal.ts'

type Remote = ClientOptions & { readonly json?: boolean }

/**
 * Runs one command line. What a command needs is loaded when it is used: an instance that starts has no use for the others, and they none
 * for the server.
 * @returns the exit code: 0 done, 1 refused or failed, 2 wrong use; `check` answers as monitoring plugins do
 */
export async function run(terminal: Terminal, version: string): Promise<number> {
  let exitCode: number = exitCodes.done
  const program = new Command('farwatch')
    .description('Watches systems in networks nobody can reach from outside.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
    .showSuggestionAfterError()
    .allowExcessArguments(false)

  // Every command that speaks to a running instance has the same four ways to name it.
  const remote = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .option('--url <url>', 'the instance (FARWATCH_URL)')
      .option('--token <token>', 'an API token (FARWATCH_TOKEN)')
      .option('--data <directory>', 'or the data directory of an instance that runs on this machine (FARWATCH_DATA)')
      .option(
        '--fingerprint <sha256>',
        "the fingerprint of the instance's certificate, where no authority vouches for it",
      )
      .option('--json', 'machine-readable output')
  const withClient = async (options: Remote, act: (client: Client) => Promise<void>) => {
    const { openClient } = await import('./client.ts')
    await act(await openClient(terminal, options))
  }

  start(program, terminal, version)
  trust(program, terminal)

  remote('apply', 'Shows what a configuration document would change, then applies it.')
    .requiredOption('-f, --file <file>', 'the document, YAML or JSON; - for standard input')
    .option('--dry-run', 'show the difference only')
    .option('--prune', 'remove what the document does not name')
    .option('--comment <text>', 'why, for the list of revisions')
    .action((options: Remote & { file: string; dryRun?: boolean; prune?: boolean; comment?: string }) =>
      withClient(options, async (client) => {
        const { apply } = await import('./commands/apply.ts')
        await apply(terminal, client, options)
      }),
    )

  remote('export', 'Writes the whole configuration as a document; secrets are left out.')
    .option('-o, --output <file>', 'where to; standard output unless given')
    .action((options: Remote & { output?: string }) =>
      withClient(options, async (client) => {
        const { exportConfiguration } = await import('./commands/export.ts')
        await exportConfiguration(terminal, client, options)
      }),
    )

  remote(
    'discover',
    'Looks at a host from an agent and writes what could be monitored there as a configuration document.',
  )
    .argument('<host>', 'its name or address, as the agent knows it')
    .option('--group <name>', 'the group that it shall belong to; may be left out where there is only one')
    .option('--system <name>', 'the system that it shall become; the host unless given')
    .option('--agent <name>', 'the agent that looks; any of the group unless given')
    .option(
      '--credential <name>',
      'a credential of the group, for what can use it; may be repeated',
      (name: string, names: string[] | undefined) => [...(names ?? []), name],
    )
    .option('--guessed', 'also what only the number of the port speaks for')
    .option('--apply', 'apply the document at once')
    .option('-o, --output <file>', 'where to; standard output unless given')
    .action((host: string, options: Remote & DiscoverOptions) =>
      withClient(options, async (client) => {
        const { discover } = await import('./commands/discover.ts')
        await discover(terminal, client, host, options)
      }),
    )

  remote('agents', 'The agents of a server: who they are, how they are, who may work.')
    .argument(
      '[action]',
      'list, show, accept, reject, lift, rename, activate, deactivate, drain, undrain, remove, rekey or logs of an AGENT; token, tokens, remove-token',
      'list',
    )
    .argument('[words...]', 'the agent, by its id, the beginning of it, or its name; a new name')
    .option('--name <name>', 'to accept: the name that it is to have here')
    .option('-o, --output <file>', 'to logs: where to; standard output unless given')
    .option('--expires <duration>', 'to token: how long it is good, 10m unless given')
    .option('--uses <number>', 'to token: for how many agents, 1 unless given')
    .option('--note <text>', 'to token: what it is for')
    .action((action: string, words: string[], options: Remote & AgentOptions) =>
      withClient(options, async (client) => {
        const { agents } = await import('./commands/agents.ts')
        await agents(terminal, client, action, words, options)
      }),
    )

  remote('instance', 'The instance itself: its name, its role, how it reaches its servers, its log.')
    .argument('[action]', 'show, set, connection or logs', 'show')
    .option('--role <role>', 'to set: standalone, server or agent; holds at once')
    .option('--name <name>', 'to set: how it is called')
    .option(
      '--server <url>',
      'to set: a server of the agent; may be repeated',
      (url: string, urls: string[] | undefined) => [...(urls ?? []), url],
    )
    .option('--proxy <url>', "to set: through which they are reached; '' for none")
    .option('-o, --output <file>', 'to logs: where to; standard output unless given')
    .action((action: string, options: Remote & InstanceOptions) =>
      withClient(options, async (client) => {
        const { instance } = await import('./commands/instance.ts')
        await instance(terminal, client, action, options)
      }),
    )

  remote('failover', 'The pair of servers: how it stands, its settings, who is to act.')
    .argument('[action]', 'status, set, handover, drill, drills or force', 'status')
    .option('--role <role>', 'to set: NONE, PRIMARY or SECONDARY')
    .option('--mode <mode>', 'to set: OFF, ACTIVE (of a PRIMARY) or STANDBY (of a SECONDARY)')
    .option('--peer-url <url>', 'to set: the URL of the PRIMARY, on the SECONDARY')
    .option('--peer-uuid <uuid>', 'to set: the UUID of the SECONDARY, on the PRIMARY')
    .option('--timeout <duration>', 'to set: silent for so long the other side counts as lost, 15s unless set')
    .option('--poll <duration>', 'to set: how often the SECONDARY polls, 2s unless set')
    .option('--yes', 'to force: accept the price without being asked')
    .action(async (action: string, options: Remote & FailoverOptions) =>
      withClient(options, async (client) => {
        const { failover } = await import('./commands/failover.ts')
        exitCode = await failover(terminal, client, action, options)
      }),
    )

  remote('snapshot', 'Saved copies of the configuration.')
    .argument('[action]', 'create NAME, list, show ID, diff ID or restore ID', 'list')
    .argument('[name]', 'the name of a new snapshot, or the id of one')
    .action((action: string, name: string | undefined, options: Remote) =>
      withClient(options, async (client) => {
        const { snapshot } = await import('./commands/snapshot.ts')
        await snapshot(terminal, client, action, name, options)
      }),
    )

  remote('certificate', "The instance's own certificate and those it trusts.")
    .argument('[action]', 'show, generate [NAME…], import, or trust FILE', 'show')
    .argument('[words...]', 'names and addresses of a new certificate, or the file to trust')
    .option('--certificate <file>', 'to import: the certificate and its issuers, PEM')
    .option('--key <file>', 'to import: its private key, PEM')
    .option('--pkcs12 <file>', 'to import: both in one PKCS#12 file')
    .option('--password-file <file>', 'the file whose first line is the password of the key')
    .action((action: string, words: string[], options: Remote & CertificateOptions) =>
      withClient(options, async (client) => {
        const { certificate } = await import('./commands/certificate.ts')
        await certificate(terminal, client, action, words, options)
      }),
    )

  remote('status', 'One screen: role, term, agents, coverage, open alarms.').action((options: Remote) =>
    withClient(options, async (client) => {
      const { status } = await import('./commands/status.ts')
      await status(terminal, client, options)
    }),
  )

  program
    .command('check')
    .description('Runs one monitor once, here: prints the result, exits 0/1/2/3 as monitoring plugins do.')
    .argument('[monitor]', 'its id, such as http.response')
    .option(
      '--set <key=value>',
      'a setting of the monitor, its connector or the credential; may be repeated',
      (word: string, words: string[]) => [...words, word],
      [] as string[],
    )
    .option('--connector <type>', 'the type of connector to use, where several are possible')
    .option('--credential <type>', 'the type of credential to use, where several are possible')
    .option('--timeout <duration>', 'how long it may take')
    .option('--record <file>', 'keep what the monitor and its target said to each other, without secrets')
    .option('--replay <file>', 'run the monitor on what was recorded, with no target')
    .option('--list', 'lists all monitors with their settings')
    .option('--json', 'machine-readable output')
    .action(async (monitor: string | undefined, options: CheckOptions) => {
      const { check } = await import('./commands/check.ts')
      exitCode = await check(terminal, monitor, options, version)
    })

  try {
    await program.parseAsync([...terminal.args], { from: 'user' })
    return exitCode
  } catch (thrown) {
    const code = explain(thrown, terminal)
    // A scheduler of plugins takes 2 for a target in trouble; what could not be checked is unknown to it.
    return terminal.args[0] === 'check' && code !== exitCodes.done ? exitCodes.unknown : code
  }
}

function explain(thrown: unknown, terminal: Terminal): number {
  // Commander has printed its own words already; help and version are not failures.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.done : exitCodes.wrongUse
  if (!(thrown instanceof FarwatchError)) {
    line(terminal.stderr, `farwatch: ${messageOf(thrown)}`)
    return exitCodes.failed
  }
  line(terminal.stderr, `farwatch: ${thrown.message} [${thrown.code}]`)
  // The message and its hint are often those of the first problem; one that is alone has then been told.
  const { problems, hint } = thrown
  const listed = problems.filter(({ message }) => problems.length > 1 || !thrown.message.includes(message))
  for (const problem of listed)
    line(terminal.stderr, `  ${problem.path}: ${problem.message}${problem.hint ? `. ${problem.hint}` : ''}`)
  if (hint !== '' && !listed.some((problem) => problem.hint === hint)) line(terminal.stderr, `  ${hint}`)
  return thrown.code === 'wrong-use' || thrown.code === 'invalid-setting' ? exitCodes.wrongUse : exitCodes.failed
}
