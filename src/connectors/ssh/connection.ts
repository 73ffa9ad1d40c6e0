import type { Client, ConnectConfig, PublicKeyAuthMethod, ServerHostKeyAlgorithm } from 'ssh2'
import { messageOf, systemCodeOf } from '../../base/index.ts'
import { TargetError, type OpenCredential } from '../../sdk/index.ts'
import { outOfTime, targetFailure } from '../network/failures.ts'
import { openSocket } from '../network/open-socket.ts'
import { algorithmsFor, shownKey, verdictOn } from './host-key.ts'

export interface SshPlace {
  readonly host: string
  readonly port: number
  /** `host:port` */
  readonly target: string
  readonly hostKeys: readonly string[]
}

/**
 * Opens a connection and signs in. @throws TargetError, and ends what it opened, where that fails or the signal aborts
 */
export async function openConnection(
  place: SshPlace,
  credential: OpenCredential | undefined,
  signal: AbortSignal,
): Promise<Client> {
  const { target } = place
  const signIn = await signInOf(credential, target)
  const socket = await openSocket({ ...place, tls: 'off', trustedCertificates: undefined }, signal)
  socket.setNoDelay(true)
  // With the first connection: most monitoring processes never open one.
  const { default: ssh2 } = await import('ssh2')
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client()
    let refusal: TargetError | undefined
    let stage = 'did not answer as an SSH server'
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', stop)
      act()
    }
    const fail = (failure: TargetError) =>
      settle(() => {
        client.destroy()
        socket.destroy()
        reject(failure)
      })
    const stop = () => fail(outOfTime(target, stage))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    client.on('handshake', () => (stage = 'did not finish the sign-in'))
    client.once('ready', () => settle(() => resolve(client)))
    // Stays: without a listener an error of a connection in use would end the process. Whoever uses it hears of its end.
    client.on('error', (error) => fail(refusal ?? failureOf(error, place, credential)))
    client.once('close', () => fail(refusal ?? new TargetError('protocol', `${target} closed the connection`)))
    const secret = credential?.type === 'basic' ? credential.fields.secret : ''
    client.on('keyboard-interactive', (_name, _instructions, _language, prompts, answer) =>
      // What servers ask that let PAM look at passwords. Anything further, such as a second factor, is not ours to answer.
      answer(prompts.length === 1 ? [secret] : []),
    )
    const algorithms = algorithmsFor(place.hostKeys)
    try {
      client.connect({
        sock: socket,
        ...signIn,
        readyTimeout: 0,
        keepaliveInterval: 15_000,
        keepaliveCountMax: 2,
        // The names come from checked settings; the library's type lists those it knows, and refuses others itself.
        ...(algorithms === undefined ? {} : { algorithms: { serverHostKey: algorithms as ServerHostKeyAlgorithm[] } }),
        hostVerifier: (key: Buffer) => {
          refusal = refusalOf(key, place)
          return refusal === undefined
        },
      })
    } catch (thrown) {
      fail(new TargetError('configuration', `${target}: ${messageOf(thrown)}`, { cause: thrown }))
    }
  })
}

/** The words for a host key that nobody has said is the right one; undefined for the pinned one. */
function refusalOf(key: Buffer, { target, hostKeys }: SshPlace): TargetError | undefined {
  const shown = shownKey(key)
  const name = `${shown.kind} ${shown.fingerprint}`
  switch (verdictOn(shown, hostKeys)) {
    case 'pinned':
      return undefined
    case 'not pinned':
      return new TargetError(
        'configuration',
        `the host key of ${target} is not known: ${name} – compare it with what \`ssh-keygen -lf\` shows for the key files of that host, then enter it as a host key of the connector`,
      )
    case 'changed':
      return new TargetError(
        'tls',
        `the host key of ${target} is none of those entered: it shows ${name} – either the host was set up anew, or somebody stands between; nothing was sent to it`,
      )
  }
}

async function signInOf(credential: OpenCredential | undefined, target: string): Promise<ConnectConfig> {
  if (credential?.type === 'basic') {
    const { username, secret } = credential.fields
    return { username, password: secret, tryKeyboard: true }
  }
  if (credential?.type === 'ssh-agent') return { username: credential.fields.username, agent: credential.fields.socket }
  if (credential?.type !== 'ssh-key')
    throw new TargetError('configuration', `no credential to sign in to ${target} with`)
  const { username, secret, passphrase } = credential.fields
  const { default: ssh2 } = await import('ssh2')
  const key = ssh2.utils.parseKey(secret, passphrase)
  // A key that cannot be used is refused here, with words of our own: those of the library may quote from it.
  if (key instanceof Error) {
    const why = /passphrase|encrypted|bad decrypt|integrity/i.test(key.message)
      ? passphrase === undefined
        ? 'it is encrypted, and no passphrase is given'
        : 'the passphrase does not open it'
      : 'it is in no form that is known; take the file that ssh-keygen wrote'
    throw new TargetError('configuration', `the private key for ${target} cannot be used: ${why}`)
  }
  // As it was read: to open an encrypted key again takes the library half a second of this process.
  const one = Array.isArray(key) ? key[0] : key
  const method: PublicKeyAuthMethod = { type: 'publickey', username, key: one }
  return { username, authHandler: [method] }
}

function failureOf(error: Error, { target }: SshPlace, credential: OpenCredential | undefined): TargetError {
  const level = 'level' in error ? error.level : undefined
  const words = messageOf(error)
  if (level === 'client-authentication') {
    const username = credential !== undefined && 'username' in credential.fields ? credential.fields.username : ''
    return new TargetError('credentials', `${target} refused the sign-in of ${username}`, { cause: error })
  }
  if (level === 'agent')
    return new TargetError('configuration', 'the SSH agent cannot be asked: it is not there, or refuses to sign', {
      cause: error,
    })
  if (level === 'client-timeout')
    return new TargetError('timed out', `${target} does not answer any more`, { cause: error })
  if (systemCodeOf(error) !== undefined) return targetFailure(error, target)
  if (/no matching (.*)$/i.test(words))
    return new TargetError(
      'protocol',
      `${target} and Farwatch have no common ${/no matching (.*)$/i.exec(words)![1]!}`,
      {
        cause: error,
      },
    )
  if (/Connection lost before handshake|Invalid identification|Protocol version/i.test(words))
    return new TargetError('protocol', `${target} does not speak SSH`, { cause: error })
  return new TargetError('protocol', `the exchange with ${target} failed`, { cause: error })
}
