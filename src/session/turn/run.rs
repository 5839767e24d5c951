//! Running a turn: asks the model, lets everybody have what it says, stores that now and then, and ends the turn.
//!
//! It runs beside the object's calls and does not depend on any client. What is said until the end is in `draft`.

use std::rc::Rc;

use futures_util::{
    FutureExt,
    future::{Either, select},
};

use super::{
    Begin, Running,
    context::{Complete, Gathered},
    draft::Draft,
    ending::{Concluded, End, TurnOutcome},
    log::Stop,
    observed::GONE,
    tools::{self, Memory},
};
use crate::{
    config::Config,
    domain::{
        context,
        memory::Emptied,
        message::{NewMessage, Role},
        turn::{ModelFailure, tokens::Usage},
    },
    error::{Error, Result, Subject},
    model::{self, Completion, Failed, Provider},
    platform,
    session::{
        object::{Aftermath, Object},
        storage::Stored,
    },
};

/// A model that calls our tools is asked again this often; then it has to do without them.
const ROUNDS: usize = 4;

/// Runs the turn that `begin` describes to its end.
pub(in crate::session) async fn run(object: Rc<Object>, begin: Begin) {
    let Begin { running, gathered } = begin;
    let log = Rc::clone(&running.log);
    let outcome = ask(&object, &running, &gathered).await;
    let text = outcome.text.clone();
    if let Err(error) = end(&object, &running, outcome).await {
        worker::console_error!("a turn could not be ended: {error:?}");
        let interrupted = TurnOutcome::interrupted(text, log.last_sequence());
        if let Err(error) = end(&object, &running, interrupted).await {
            // In storage it still runs: the next call finds that nobody runs it.
            worker::console_error!("nor as interrupted: {error:?}");
            object.log.borrow_mut().take();
            log.end(Err(error));
        }
    }
    object.update_index_copy().await;
    object.report().await;
    object.look_back(&running, &gathered).await;
}

/// Asks the model until it has answered, failed, or is to stop.
async fn ask(object: &Object, running: &Running, gathered: &Gathered) -> TurnOutcome {
    let mut draft = Draft::new(object, running);
    let stopped = running.log.until_stopped().boxed_local();
    let work = async {
        let config = Config::from_env(&object.env);
        let provider = config.map_err(|error| Failed { failure: ModelFailure::Unavailable, cause: format!("{error:?}") })?.model.provider;
        model::ask::in_time(&provider, converse(object, &provider, gathered, &mut draft)).await
    };
    let end = match select(stopped, work.boxed_local()).await {
        Either::Left(_) => End::Stopped,
        Either::Right((Ok(Completion { finish, tool_calls, usage }), _)) => End::Answered { finish, tool_calls, usage },
        Either::Right((Err(failed), _)) => End::Failed(failed),
    };
    draft.into_outcome(end)
}

/// Asks the model, and again with the results of the tools of ours that it calls.
async fn converse(
    object: &Object,
    provider: &Provider,
    gathered: &Gathered,
    draft: &mut Draft<'_>,
) -> std::result::Result<Completion, Failed> {
    let Complete { context, changes, has_tools: mut is_offering } = object.complete(gathered).await;
    changes.into_iter().for_each(|change| draft.note(change));
    let memory = Memory { object, user: gathered.user.as_ref(), origin: &gathered.origin };
    let (mut prompt, with_tools, without_calls) = (context.prompt, tools::offered(&gathered.model), tools::forbidden(&gathered.model));
    let mut usage = Some(Usage::default());
    for round in 0_usize.. {
        let settings = match is_offering {
            true if round < ROUNDS => &with_tools,
            true => &without_calls,
            false => &gathered.model,
        };
        let before_bytes = draft.prompt_bytes;
        draft.asks(&prompt, settings);
        let said_bytes = draft.text.len();
        let completion = match model::ask::ask(provider, &object.env, &prompt, settings, &mut |text| draft.take(text)).await {
            // Not every model takes tools.
            Err(failed) if is_offering && failed.failure == ModelFailure::Refused && draft.text.len() == said_bytes => {
                (is_offering, draft.prompt_bytes) = (false, before_bytes);
                continue;
            }
            completion => completion?,
        };
        usage = usage.zip(completion.usage).map(|(sum, usage)| sum.plus(usage));
        let (ours, theirs): (Vec<_>, Vec<_>) = completion.tool_calls.into_iter().partition(|call| is_offering && tools::is_ours(call));
        let mut results = Vec::new();
        for call in ours.iter().filter(|_| round < ROUNDS) {
            let (result, change) = tools::run(&memory, call).await;
            change.into_iter().for_each(|change| draft.note(change));
            results.push(NewMessage { tool_call_id: Some(call.id.clone()), ..NewMessage::text(Role::Tool, result) });
        }
        if results.is_empty() || !theirs.is_empty() {
            return Ok(Completion { finish: completion.finish, tool_calls: theirs, usage });
        }
        let said = draft.text.get(said_bytes..).filter(|said| !said.is_empty()).map(str::to_owned);
        let calls = NewMessage { content: said, tool_calls: ours, ..NewMessage::text(Role::Assistant, "") };
        let most = gathered.room_of_tools().checked_div(ROUNDS).unwrap_or_default();
        prompt.extend(context::shrunk([calls].into_iter().chain(results), most));
        draft.begin_paragraph();
    }
    Err(Failed { failure: ModelFailure::Unavailable, cause: "no end".to_owned() })
}

/// Ends the turn: first in storage, then for everybody who follows.
async fn end(object: &Object, running: &Running, outcome: TurnOutcome) -> Result<()> {
    let log = &running.log;
    if log.stopped() == Some(Stop::Gone) {
        object.observe(&running.session, &running.turn, GONE);
        log.end(Err(Error::NotFound(Subject::Session)));
        return Ok(());
    }
    let Concluded { events, reply } = object.context.atomically(|| {
        let stored = object.storage.load()?;
        let is_ours = |stored: &Stored| {
            stored.session.created_at == running.session.created_at && stored.session.running_turn == Some(log.turn) && !stored.is_ended
        };
        let mut stored = stored.filter(is_ours).ok_or(Error::NotFound(Subject::Session))?;
        let concluded = object.conclude(&mut stored, outcome, platform::now())?;
        object.put_off_sharing(&mut stored)?;
        object.save(&mut stored, Aftermath::Nothing)?;
        Ok(concluded)
    })?;
    object.observe_end(&events);
    // Who has the answer finds it in a search.
    object.update_list_copy().await;
    if let Err(error) = events.iter().try_for_each(|event| log.push(event)) {
        worker::console_error!("the end of a turn is not told: {error:?}");
    }
    log.end(reply);
    if object.emptied.get() != Emptied::default() {
        // It tells what is forgotten; what is stored does not.
        object.log.borrow_mut().take_if(|last| Rc::ptr_eq(last, log));
    }
    Ok(())
}
