import { Button, Modal } from '@mantine/core'
import type { ReactNode } from 'react'
import { texts } from '../texts.ts'
import { Failure } from './states.tsx'

/** Asks before an act that is not taken back easily: its title names the act, its content what it means, and a refusal stays in sight. */
export function Confirm(props: {
  readonly opened: boolean
  readonly title: string
  readonly act: string
  readonly dangerous?: boolean
  readonly pending: boolean
  /** False where there is nothing that could be done. Default true. */
  readonly isPossible?: boolean
  readonly error: Error | null
  readonly onConfirm: () => void
  readonly onClose: () => void
  readonly children: ReactNode
}): ReactNode {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title} size="md">
      <div className="act-form">
        {props.children}
        {props.error === null ? null : <Failure error={props.error} title={props.title} />}
        <div className="act-buttons act-end">
          <Button variant="default" onClick={props.onClose} data-autofocus>
            {texts.common.cancel}
          </Button>
          <Button
            color={props.dangerous === true ? 'red' : undefined}
            loading={props.pending}
            disabled={props.isPossible === false}
            onClick={props.onConfirm}
          >
            {props.act}
          </Button>
        </div>
      </div>
    </Modal>
  )
}
