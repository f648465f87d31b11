import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ConfirmJob, JobSnapshot } from '../client/generated';
import { Button } from '../components/button';
import { isPart, type Part, PartFields } from '../components/part';
import { count, freeRoom, size } from '../components/quantity';
import { Facts } from '../components/texts';

export interface IConfirmFormProps {
  job: JobSnapshot;
  trans: TranslationBundle;
  onConfirm: (part: Partial<ConfirmJob>) => void;
  onCancel: () => void;
}

/** A large job asks before it starts, and may be told to bring only a part. */
export function ConfirmForm(props: IConfirmFormProps): JSX.Element {
  const { job, trans, onConfirm, onCancel } = props;
  const [part, setPart] = React.useState<Part>({});
  const { free_bytes: free } = job;
  const tooLarge = free !== null && job.bytes_total - job.bytes_here > free;
  return (
    <form
      className="jp-Rucio-confirm"
      aria-label={trans.__('Confirm')}
      onSubmit={event => {
        event.preventDefault();
        onConfirm(part);
      }}
    >
      <p className={tooLarge ? 'jp-mod-warn' : undefined}>
        <Facts facts={sizeFacts(job, tooLarge, trans)} />
      </p>
      <PartFields part={part} trans={trans} onChange={setPart} />
      <div className="jp-Rucio-actions">
        <Button type="submit" look="primary">
          {isPart(part)
            ? trans.__('Stage this part')
            : trans.__('Stage all of it')}
        </Button>
        <Button onClick={onCancel}>{trans.__('Cancel')}</Button>
      </div>
    </form>
  );
}

/** What the job would bring: `5,000 files · 49 MB · 12 here already · 211 GB free`. */
function sizeFacts(
  job: JobSnapshot,
  tooLarge: boolean,
  trans: TranslationBundle
): string[] {
  const parts = [
    trans._n('%2 file', '%2 files', job.files_total, count(job.files_total)),
    size(job.bytes_total)
  ];
  if (job.files_here > 0) {
    parts.push(trans.__('%1 here already', count(job.files_here)));
  }
  if (job.free_bytes !== null) {
    parts.push(freeRoom(job.free_bytes, tooLarge, trans));
  }
  return parts;
}
