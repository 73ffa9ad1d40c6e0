/** The words about what an instance is: its role, its servers, and its own page where it is an agent only. */
/** One server of an agent, as far as its line says it in words. */
interface Standing {
  readonly serves: boolean
  readonly acts: boolean | null
  readonly term: number | null
  readonly message: string
}

export const roleTexts = {
  title: 'Role',
  change: 'Change the role',
  names: { standalone: 'Standalone', server: 'Central server', agent: 'Agent' },
  means: {
    standalone:
      'Server and agent in one: holds the configuration, and watches from this machine too. Other agents may join.',
    server:
      'Holds the configuration, the results and this portal, and runs no monitor itself. Groups need agents elsewhere.',
    agent: 'Runs monitors for a server elsewhere, and shows nothing but this instance itself.',
  },
  fixed: {
    flag: 'The role is given by a flag of the command that started this instance. Take the flag away and start again to change it here.',
    environment:
      'The role is given by the environment (FARWATCH_ROLE). Take it away and start again to change it here.',
    file: 'The role is given by the settings file. Take it away there to change it here.',
  },
  servers: 'Servers',
  serversHint: 'Addresses of the servers this agent calls, one a line, the first that answers is taken.',
  serversNeeded: 'An agent needs the address of a server.',
  serverWrong: (text: string) => `“${text}” is not an address that begins with https://`,
  proxy: 'HTTP proxy',
  proxyHint: 'For the way to the server. Left empty: none.',
  saved: 'Saved',
  confirm: {
    title: (what: string) => `Make this instance ${what}?`,
    a: { standalone: 'standalone', server: 'a central server only', agent: 'an agent only' },
    act: 'Change the role',
    means: {
      'pages hidden': 'The pages of the server are hidden here: overview, alarms, agents, configuration, plugins.',
      'data kept': 'Its configuration, results and alarms are kept, and are back when the role is changed back.',
      'agents unanswered':
        'Agents that call this server get no answer. They go on with what they run, and keep their results.',
      'works for its server':
        'This instance runs what its server gives it, and nothing else. The server has to accept it.',
      'pages back': 'The pages of the server come back as they were left.',
      'stops for its server': 'It stops working for the server that it calls now.',
      'watches nothing': 'This machine watches nothing itself: what its own agent runs now needs another agent.',
      'may watch':
        'This machine may watch too: everything while no group is associated with an agent, else the groups its own agent (local) is associated with.',
    },
  },

  page: {
    title: 'This agent',
    intro: 'This instance is an agent. Everything about what it watches is on its server.',
    connection: 'Connection to the server',
    states: {
      connecting: 'Not connected',
      pending: 'Waiting to be accepted',
      rejected: 'Rejected',
      revoked: 'Revoked',
      connected: 'Connected',
    },
    noServer: 'This agent has no server to call',
    noServerHint: 'Put in the address of one.',
    isolated: 'None of its targets is reached from here: the network of this machine may be cut.',
    uploadProblem: 'The last results were not taken:',
    server: 'Server',
    knows: 'Knows the servers',
    standing: ({ serves, acts, term, message }: Standing) =>
      [
        serves ? 'works for it' : acts === true ? 'active' : acts === false ? 'stands by' : 'not heard yet',
        ...(term === null ? [] : [`term ${term}`]),
        // A standby refuses whatever it is asked, and says that it stands by.
        ...(message === '' || acts === false ? [] : [message]),
      ].join(', '),
    answered: 'Last answer',
    serverVersion: 'Version of the server',
    compare: 'Key fingerprint of this agent (SHA-256): the server shows the same',
    whoAmI: 'Who this is',
    tasks: 'Tasks',
    kept: 'as they were before its start; the server has not said yet',
    running: 'Running now',
    waiting: (n: number) => `${n.toLocaleString('en')} waiting`,
    spool: 'Results not yet delivered',
    clock: 'Clock against the server',
    error: (span: string) => `measured to ± ${span}`,
    never: 'never',
    toRole: 'Change the name, the servers or the role',
  },

  generate: {
    title: 'Generate a certificate',
    hint: 'Makes a new key and a certificate that vouches for itself. Agents elsewhere need one that bears the name by which they reach this server.',
    names: 'Names and addresses',
    namesHint: 'One a line. Left empty: the names and addresses of this machine.',
    act: 'Generate',
    confirm: (names: readonly string[]) =>
      names.length === 0
        ? 'Generate a certificate for this machine?'
        : `Generate a certificate for ${names.join(', ')}?`,
    means: [
      'It takes the place of the present certificate and its key at once; connections that stand go on.',
      'Browsers and agents that trusted the present one do not know the new one: compare and trust it there.',
    ],
    done: (names: readonly string[]) => `The certificate is valid for ${names.join(', ')} now`,
  },

  imports: {
    title: 'Import a certificate',
    hint: 'A key and its certificate from an authority of yours. Browsers and agents that know the authority then know this server.',
    kind: 'Given as',
    pem: 'PEM texts',
    pkcs12: 'PKCS#12 file',
    certificate: 'Certificate',
    chain: 'With those of its authorities after it, where it has any.',
    key: 'Private key',
    placeholder: '-----BEGIN …',
    fromFile: (what: string) => `${what} from a file`,
    choose: 'Choose the file',
    noFile: 'No file chosen (.p12 or .pfx)',
    tooLarge: 'The file is too large: at most 500 kB.',
    passphrase: 'Passphrase of the key',
    passphraseHint: 'Only where the key is encrypted.',
    password: 'Password of the file',
    act: 'Import',
    confirm: 'Replace the present key and certificate?',
  },

  trust: {
    title: 'Trust a server’s certificate',
    hint: 'Fetches the certificate that a server shows. Compare its fingerprint with what the server itself says (“farwatch certificate show” there), and only then trust it.',
    url: 'Address of the server',
    fetch: 'Fetch',
    paste: 'Trust one that was brought here as a file or text',
    pasted: 'Certificate (PEM)',
    trustPasted: 'Trust it',
    fingerprint: 'Certificate fingerprint (SHA-256)',
    confirm: 'It is the same: trust it',
    already: 'It is trusted.',
    done: (subject: string) => `${subject} is trusted now`,
    distrust: 'Trust no longer',
    distrusted: 'Trusted no longer',
    distrustTitle: (subject: string) => `Trust ${subject} no longer?`,
    distrustText: 'An agent that relies on it does not reach its server any more until it is trusted again.',
  },
} as const
