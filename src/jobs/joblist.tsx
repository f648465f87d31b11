import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { downloadIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { IJobsClient } from '../client/client';
import { didText } from '../client/did';
import { Failure, type Obstacle, obstacleOf } from '../client/failure';
import type { Did, JobSnapshot } from '../client/generated';
import { Button, Chip } from '../components/button';
import { useChanges } from '../components/changes';
import { warningIcon } from '../components/icons';
import { useMetrics } from '../components/metrics';
import { Notice, remedy, Strip } from '../components/notice';
import { share, size } from '../components/quantity';
import { CommandIDs } from '../tokens';
import { type IJobActions, JobCard } from './jobcard';
import { type IJobs, isClearable, isFinished } from './model';
import { TransferList } from './transferlist';
import { type TransferFilter, Transfers } from './transfers';
import { shortName } from './words';

export interface IJobListProps {
  jobs: IJobs;
  client: IJobsClient;
  commands: CommandRegistry;
  trans: TranslationBundle;
  onExplore: () => void;
}

/** Which job shows its files, and which of them. */
interface IOpened {
  id: string;
  filter: TransferFilter;
}

/** Why something could not be done with a job, and how to try it again. */
type Refusal = Obstacle & { again: () => Promise<void> };

/** The weight of names. */
const BOLD = 600;
/** Jobs that are drawn before the user asks for the older ones; unfinished and opened ones always are. */
const RECENT = 50;

/** All jobs, newest first, and the store that they fill. */
export function JobList(props: IJobListProps): JSX.Element {
  const { jobs, client, commands, trans, onExplore } = props;
  const { ref, width, measure } = useMetrics(BOLD);
  const [opened, setOpened] = React.useState<IOpened | null>(null);
  const [refused, setRefused] = React.useState<Refusal | null>(null);
  const [older, setOlder] = React.useState(false);
  const { all, obstacle, store } = jobs;
  const finished = all?.filter(isFinished).length ?? 0;

  React.useEffect(() => void jobs.refreshStore(), [jobs, finished]);

  const attempt = async (act: () => Promise<unknown>): Promise<void> => {
    try {
      setRefused(null);
      await act();
    } catch (reason) {
      const obstacle = obstacleOf(reason);
      if (obstacle.do === 'refresh') {
        await jobs.refresh(); // another try would find no more, but the list tells what there is
      }
      setRefused({ ...obstacle, again: () => attempt(act) });
    }
  };
  /** Show DIDs of a job at its instance, which need not be the current one. */
  const explore = (
    { instance }: JobSnapshot['request'],
    dids: readonly Did[]
  ) =>
    attempt(async () => {
      if (!(await commands.execute(CommandIDs.selectInstance, { instance }))) {
        throw new Failure({
          type: 'not-found',
          detail: trans.__('The instance %1 is not known any more.', instance),
          do: 'none'
        });
      }
      await commands.execute(CommandIDs.pasteDids, {
        dids: dids.map(didText)
      });
    });
  const actionsOf = (job: JobSnapshot): IJobActions => ({
    pause: () => void attempt(() => jobs.change(job.id, 'pause')),
    resume: () => void attempt(() => jobs.change(job.id, 'resume')),
    cancel: () => void attempt(() => jobs.change(job.id, 'cancel')),
    retry: download => void attempt(() => jobs.retry(job.id, { download })),
    confirm: part => void attempt(() => jobs.confirm(job.id, part)),
    pin: pinned => void attempt(() => jobs.pin(job.id, pinned)),
    clear: () => void attempt(() => jobs.clear([job.id])),
    signIn: () =>
      void commands.execute(CommandIDs.signIn, {
        instance: job.request.instance
      }),
    copyPath: () => Clipboard.copyToSystem(job.path ?? ''),
    reveal: commands.hasCommand(CommandIDs.reveal)
      ? () => void commands.execute(CommandIDs.reveal, { path: job.path ?? '' })
      : null,
    explore: () => void explore(job.request, job.request.dids),
    showFiles: () => setOpened({ id: job.id, filter: 'all' }),
    showFailed: () => setOpened({ id: job.id, filter: 'failed' })
  });
  const expand = (job: JobSnapshot) =>
    setOpened(opened?.id === job.id ? null : { id: job.id, filter: 'all' });

  if (!all) {
    return obstacle ? (
      <Notice
        icon={warningIcon}
        title={trans.__('The jobs cannot be read')}
        text={obstacle.detail}
        action={remedy(obstacle, { retry: () => void jobs.refresh() }, trans)}
      />
    ) : (
      <Notice icon={downloadIcon} title={trans.__('Looking for jobs…')} />
    );
  }
  const shown = older
    ? all
    : all.filter(
        (job, at) => at < RECENT || !isFinished(job) || job.id === opened?.id
      );
  const names = shown.map(job => shortName(job, trans));
  return (
    <div className="jp-Rucio-jobs" ref={ref}>
      {refused && (
        <Strip
          tone="error"
          icon={warningIcon}
          text={refused.detail}
          action={
            refused.do === 'refresh'
              ? null
              : remedy(refused, { retry: () => void refused.again() }, trans)
          }
        />
      )}
      {all.length === 0 ? (
        <Notice
          icon={downloadIcon}
          title={trans.__('Nothing staged yet')}
          text={trans.__('What you stage shows here while it comes.')}
          action={{ label: trans.__('Find data'), run: onExplore }}
        />
      ) : (
        <ul className="jp-Rucio-jobList" aria-label={trans.__('Jobs')}>
          {shown.map((job, index) => (
            <JobCard
              key={job.id}
              job={job}
              width={width}
              measure={measure}
              neighbours={[index - 1, index + 1].flatMap(
                near => names[near] ?? []
              )}
              expanded={opened?.id === job.id}
              trans={trans}
              actions={actionsOf(job)}
              onExpand={() => expand(job)}
            >
              {opened?.id === job.id && (
                <Files
                  key={opened.filter}
                  job={job}
                  client={client}
                  filter={opened.filter}
                  trans={trans}
                  onFilter={filter => setOpened({ id: job.id, filter })}
                  onRetry={actionsOf(job).retry}
                  onSignIn={actionsOf(job).signIn}
                  onExplore={did => void explore(job.request, [did])}
                />
              )}
            </JobCard>
          ))}
        </ul>
      )}
      {all.length > shown.length && (
        <Button onClick={() => setOlder(true)}>
          {trans.__('Show the older ones')}
        </Button>
      )}
      <div className="jp-Rucio-foot">
        {store && (
          <span title={store.store_path}>
            {store.quota_bytes === null
              ? trans.__(
                  'Store: %1 · %2 free',
                  size(store.used_bytes),
                  size(store.free_bytes)
                )
              : trans.__(
                  'Store: %1 of %2',
                  size(store.used_bytes),
                  size(store.quota_bytes)
                )}
          </span>
        )}
        {all.some(isClearable) && (
          <Button
            look="link"
            title={trans.__('Those whose files are kept stay on the list')}
            onClick={() => void attempt(() => jobs.clear())}
          >
            {trans.__('Clear finished')}
          </Button>
        )}
      </div>
    </div>
  );
}

interface IFilesProps {
  job: JobSnapshot;
  client: IJobsClient;
  filter: TransferFilter;
  trans: TranslationBundle;
  onFilter: (filter: TransferFilter) => void;
  onRetry: (download?: boolean) => void;
  onSignIn: () => void;
  onExplore: (did: Did) => void;
}

/** The files of an opened job, read again as it moves on. */
function Files(props: IFilesProps): JSX.Element {
  const { job, client, filter, trans, onFilter } = props;
  const transfers = React.useMemo(
    () => new Transfers(client, job.id, filter),
    [client, job.id, filter]
  );
  useChanges(transfers.changed);
  React.useEffect(() => () => transfers.dispose(), [transfers]);
  const percent = Math.floor(100 * share(job.bytes_done, job.bytes_total));
  React.useEffect(
    () => transfers.renew(),
    [transfers, job.files_done, job.files_failed, job.state, percent]
  );
  return (
    <>
      {job.files_failed > 0 && (
        <div
          className="jp-Rucio-chips"
          role="group"
          aria-label={trans.__('Which files')}
        >
          {(['all', 'failed'] as const).map(which => (
            <Chip
              key={which}
              pressed={filter === which}
              onClick={() => onFilter(which)}
            >
              {which === 'all' ? trans.__('All') : trans.__('Failed')}
            </Chip>
          ))}
        </div>
      )}
      <TransferList
        transfers={transfers}
        trans={trans}
        onCopyPath={path => Clipboard.copyToSystem(path)}
        onRetry={props.onRetry}
        onSignIn={props.onSignIn}
        onExplore={props.onExplore}
      />
    </>
  );
}
