import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';

import { CommandIDs, IJobs, IPanel, IServer } from '../tokens';
import { addJobCommands } from './commands';
import { JobList } from './joblist';
import { isFinished, Jobs } from './model';
import { Notifications } from './notifications';
import { JobStatus } from './status';

export const jobs: JupyterFrontEndPlugin<IJobs> = {
  id: 'rucio-jupyterlab:jobs',
  description: 'Provides the jobs of this user, kept current by server events.',
  autoStart: true,
  provides: IJobs,
  requires: [IServer],
  activate: (app: JupyterFrontEnd, server: IServer): IJobs => {
    const jobs = new Jobs(server.client, server.events);
    server.engine.recovered.connect(jobs.refresh, jobs);
    return jobs;
  }
};

export const jobList: JupyterFrontEndPlugin<void> = {
  id: 'rucio-jupyterlab:job-list',
  description:
    'Adds the Jobs tab: progress, errors, and what to do about them.',
  autoStart: true,
  requires: [IServer, IJobs, IPanel],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    server: IServer,
    jobs: IJobs,
    panel: IPanel,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    jobs.changed.connect(panel.update, panel);
    panel.addTab({
      id: 'jobs',
      label: trans.__('Jobs'),
      rank: 20,
      badge: () => jobs.all?.filter(job => !isFinished(job)).length ?? 0,
      render: () => (
        <JobList
          jobs={jobs}
          client={server.client}
          commands={commands}
          trans={trans}
          onExplore={() => panel.showTab('explore')}
        />
      )
    });
    for (const command of addJobCommands(commands, { jobs, panel, trans })) {
      palette?.addItem({ command, category: trans.__('Rucio') });
    }
  }
};

export const jobStatus: JupyterFrontEndPlugin<void> = {
  id: 'rucio-jupyterlab:status',
  description: 'Shows in the status bar how far the running jobs are.',
  autoStart: true,
  requires: [IJobs],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    jobs: IJobs,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ): void => {
    if (!statusBar) {
      return; // Notebook has none
    }
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const item = new JobStatus(jobs, trans, () =>
      app.commands.hasCommand(CommandIDs.showJobs)
        ? void app.commands.execute(CommandIDs.showJobs)
        : undefined
    );
    statusBar.registerStatusItem('rucio-jupyterlab:status', {
      item,
      align: 'left',
      rank: 30,
      isActive: () => item.isActive,
      activeStateChanged: jobs.changed
    });
  }
};

export const notifications: JupyterFrontEndPlugin<void> = {
  id: 'rucio-jupyterlab:notifications',
  description: 'Shows one notification for each job.',
  autoStart: true,
  requires: [IJobs],
  optional: [ISettingRegistry, ITranslator],
  activate: async (
    app: JupyterFrontEnd,
    jobs: IJobs,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ): Promise<void> => {
    const trans = (translator ?? nullTranslator).load('rucio_jupyterlab');
    const notifications = new Notifications(jobs, app.commands, trans);
    const settings = await registry?.load('rucio-jupyterlab:notifications');
    const apply = () => {
      notifications.enabled = settings?.get('enabled').composite !== false;
    };
    settings?.changed.connect(apply);
    apply();
  }
};
