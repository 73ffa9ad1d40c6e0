/** An account for monitors that sign in by SSH: with a shell and nothing more, let in by one key alone. */
export const sshGrant = [
  'useradd --create-home --shell /bin/sh farwatch',
  'install -d -m 700 -o farwatch -g farwatch ~farwatch/.ssh',
  "echo 'restrict ssh-ed25519 AAAA… farwatch' > ~farwatch/.ssh/authorized_keys",
].join('\n')
