import { ActionIcon, CopyButton } from '@mantine/core'
import type { ReactNode } from 'react'
import { texts } from '../texts.ts'
import { Icon } from './icons.tsx'

/** A button that copies a text; its mark says for a moment that it did. `what` names what is copied. */
export function CopyText({ text, what }: { text: string; what: string }): ReactNode {
  return (
    <CopyButton value={text} timeout={2_000}>
      {({ copied, copy }) => (
        <ActionIcon
          variant="subtle"
          color={copied ? 'petrol' : 'gray'}
          size="lg"
          aria-label={copied ? texts.common.copied : what}
          title={copied ? texts.common.copied : what}
          onClick={copy}
        >
          <Icon name={copied ? 'check' : 'copy'} />
        </ActionIcon>
      )}
    </CopyButton>
  )
}

/** A command to be pasted into a shell elsewhere; long ones break rather than hide their end. */
export function Command({ text, label }: { text: string; label: string }): ReactNode {
  return (
    <div className="command">
      <code className="command-text" aria-label={label}>
        {text}
      </code>
      <CopyText text={text} what={`${texts.common.copy}: ${label}`} />
    </div>
  )
}
