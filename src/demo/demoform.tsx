import type { TranslationBundle } from '@jupyterlab/translation';
import { checkIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { DemoStatus } from '../client/generated';
import { Button, Copied } from '../components/button';
import { useChanges } from '../components/changes';
import { warningIcon } from '../components/icons';
import { Strip } from '../components/notice';
import { Progress } from '../components/progress';
import { duration } from '../components/quantity';
import type { Demo } from './model';

export interface IDemoFormProps {
  demo: Demo;
  trans: TranslationBundle;
  onClose: () => void;
}

/** Starts the demo and tells how that goes, or what keeps it from starting. */
export function DemoForm(props: IDemoFormProps): JSX.Element {
  const { demo, trans, onClose } = props;
  useChanges(demo.changed);
  React.useEffect(() => void demo.refresh(), [demo]);
  const { status, obstacle } = demo;
  return (
    <section
      className="jp-Rucio-form"
      aria-label={trans.__('The demo')}
      onKeyDown={event => event.key === 'Escape' && onClose()}
    >
      <h3>{trans.__('The demo')}</h3>
      <p>
        {trans.__(
          'A real Rucio with storages and data, started beside this Jupyter server. It touches nothing of yours, and ends with the server.'
        )}
      </p>
      {obstacle && (
        <Strip tone="error" icon={warningIcon} text={obstacle.detail} />
      )}
      {status && <Progressing status={status} trans={trans} />}
      <div className="jp-Rucio-actions">
        {status && <Action demo={demo} status={status} trans={trans} />}
        <Button onClick={onClose}>{trans.__('Close')}</Button>
      </div>
    </section>
  );
}

interface IPartProps {
  status: DemoStatus;
  trans: TranslationBundle;
}

/** How far it is, or what stands in the way and where to read more. */
function Progressing({ status, trans }: IPartProps): JSX.Element {
  const { state, needs, problem, log, folder } = status;
  return (
    <>
      {state === 'missing' && (
        <>
          <p>{trans.__('It is not installed here. This command brings it:')}</p>
          <Copied text={needs ?? ''} label={trans.__('Copy the command')} />
        </>
      )}
      {state === 'stopped' && !problem && (
        <p className="jp-Rucio-small">
          {trans.__(
            'It takes some 2 GB of disk, in %1. The first start takes a minute or two.',
            folder
          )}
        </p>
      )}
      {state === 'starting' && <Steps status={status} trans={trans} />}
      {problem && (
        <>
          <Strip tone="error" icon={warningIcon} text={problem} />
          <p className="jp-Rucio-small">{trans.__('More is in its log:')}</p>
          <Copied text={log} label={trans.__('Copy the path')} />
        </>
      )}
      {state === 'up' && <p>{trans.__('It runs, and you are signed in.')}</p>}
    </>
  );
}

function Steps({ status, trans }: IPartProps): JSX.Element {
  return (
    <>
      <Progress value={null} label={trans.__('The demo starts')} />
      <ol className="jp-Rucio-steps" aria-live="polite">
        {status.steps.map(({ what, seconds }) => (
          <li key={what} aria-current={seconds === null ? 'step' : undefined}>
            <span aria-hidden="true">
              {seconds !== null && <checkIcon.react tag="span" />}
            </span>
            <span>{what}</span>
            <small>{seconds !== null && duration(seconds, trans)}</small>
          </li>
        ))}
      </ol>
    </>
  );
}

function Action(props: IPartProps & { demo: Demo }): JSX.Element {
  const { demo, status, trans } = props;
  switch (status.state) {
    case 'missing':
      return (
        <Button look="primary" onClick={() => void demo.refresh()}>
          {trans.__('Look again')}
        </Button>
      );
    case 'stopped':
      return (
        <Button look="primary" onClick={() => void demo.start()}>
          {status.problem ? trans.__('Try again') : trans.__('Start the demo')}
        </Button>
      );
    case 'starting':
      return (
        <Button onClick={() => void demo.stop()}>{trans.__('Stop')}</Button>
      );
    case 'up':
      return (
        <Button onClick={() => void demo.stop()}>
          {trans.__('End the demo')}
        </Button>
      );
  }
}
