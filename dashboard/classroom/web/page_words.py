"""The sentences of each page, by the key that its HTML and its script use."""

from collections.abc import Callable, Mapping

from dashboard.classroom.words import translator
from dashboard.services.words import INTENDED_USE

Words = Callable[[str], dict[str, str]]


def phone(language: str) -> dict[str, str]:
    """The students' page."""
    tr = translator(language)
    return {
        "title": tr("classroom.meddef-classroom", "MedDef classroom"),
        "code": tr("classroom.code-room", "Code of the room"),
        "nickname": tr("classroom.nickname-may", "Nickname (may stay empty)"),
        "privacy": tr("classroom.do-not", "Do not give your full name. What you answer is deleted with the room."),
        "join": tr("classroom.join", "Join"),
        "wait": tr("classroom.you-next", "You are in. The next question appears here."),
        "look": tr("classroom.look-projector", "Look at the projector."),
        "send": tr("classroom.send", "Send"),
        "number": tr("classroom.your-number", "Your number"),
        "sent": tr("classroom.your-answer", "Your answer has arrived."),
        "closed": tr("classroom.question-closed", "This question is closed."),
        "right": tr("teach.right-2", "Right."),
        "wrong": tr("classroom.not-right", "Not right."),
        "answer": tr("classroom.answer-answer", "The answer: {answer}"),
        "lost": tr("classroom.no-connection", "No connection. Your page tries again by itself."),
        "use": tr(INTENDED_USE),
        "challenge_smallest": tr("classroom.find-smallest", "Find the smallest epsilon that changes this prediction."),
        "challenge_filter": tr("classroom.find-mildest", "Find the mildest preprocessing that stops this attack."),
        "epsilon": tr("classroom.epsilon-1", "Epsilon, in 1/255"),
        "attack": tr("lab.attack", "Attack"),
        "steps": tr("lab.steps", "Steps"),
        "filter": tr("classroom.preprocessing", "Preprocessing"),
        "strength": tr("classroom.strength", "Strength"),
        "try": tr("classroom.try", "Try it"),
        "waiting": tr("classroom.waiting-n", "Waiting; {n} before you."),
        "running": tr("classroom.being-computed", "It is being computed."),
        "changed": tr("classroom.prediction-changed", "The prediction changed. Measured: {measured}."),
        "unchanged": tr("classroom.prediction-did", "The prediction did not change."),
        "stopped": tr("classroom.attack-stopped", "The attack was stopped. The scan changed by {change} on average."),
        "not_stopped": tr("classroom.attack-not", "The attack was not stopped."),
        "broke_clean": tr(
            "classroom.prediction-clean", "The prediction for the clean scan changed, too, so this does not count."
        ),
        "failed": tr("classroom.try-could", "This try could not be computed; try again."),
        "best": tr("classroom.your-best", "Your best: {best}"),
        "bits": tr("classroom.bit-depth", "Bit depth"),
        "median": tr("robustness.median-filter", "Median filter"),
        "adaptive_held": tr("classroom.adaptive-attack-defence", "Adaptive attack: the defence still stops it."),
        "adaptive_broke": tr("classroom.adaptive-attack-breaks", "Adaptive attack: it breaks this defence."),
    }


def sign_in(language: str) -> dict[str, str]:
    """Where a teacher gives the PIN."""
    tr = translator(language)
    return {
        "title": tr("classroom.meddef-classroom-teacher", "MedDef classroom: teacher"),
        "pin": tr("classroom.teachers-pin", "Teacher's PIN"),
        "enter": tr("classroom.sign", "Sign in"),
        "students": tr("classroom.students-page", "Students: to the page of your class"),
        "lost": tr("classroom.no-connection", "No connection. Your page tries again by itself."),
        "use": tr(INTENDED_USE),
    }


def teacher(language: str) -> dict[str, str]:
    """The teacher's window."""
    tr = translator(language)
    return {
        "title": tr("classroom.meddef-classroom-teacher", "MedDef classroom: teacher"),
        "rooms": tr("classroom.rooms", "Rooms"),
        "open_room": tr("classroom.open-new", "Open a new room"),
        "expired": tr("classroom.expired", "expired"),
        "enter": tr("classroom.enter", "Enter"),
        "delete": tr("classroom.delete-room", "Delete the room and all its rows"),
        "delete_sure": tr("classroom.delete-room-all", "Delete this room with all its answers?"),
        "present": tr("classroom.open-projector", "Open the projector page"),
        "app": tr("classroom.other-pages", "To the other pages of MedDef"),
        "sign_out": tr("classroom.sign-out", "Sign out"),
        "code": tr("classroom.code", "Code"),
        "lock": tr("classroom.lock-room", "Lock the room"),
        "unlock": tr("classroom.unlock-room", "Unlock the room"),
        "students": tr("classroom.students", "Students"),
        "nameless": tr("classroom.student-n", "Student {n}"),
        "remove": tr("classroom.remove", "Remove"),
        "remove_name": tr("classroom.remove-name", "Remove the name"),
        "lesson": tr("classroom.lesson", "Lesson"),
        "show_lesson": tr("classroom.show-step", "Show this step"),
        "previous": tr("teach.previous-step", "Previous step"),
        "next": tr("teach.next-step", "Next step"),
        "reveal_step": tr("classroom.reveal-steps", "Reveal the step's answer"),
        "hide_step": tr("classroom.hide-steps", "Hide the step's answer"),
        "ask_step": tr("classroom.ask-steps", "Ask the step's question on the phones"),
        "notes": tr("classroom.notes", "Notes"),
        "no_notes": tr("teach.step-no", "This step has no notes."),
        "question": tr("teach.question", "Question"),
        "kind": tr("classroom.kind", "Kind"),
        "choice": tr("classroom.multiple-choice", "Multiple choice"),
        "right_wrong": tr("classroom.true-false", "True or false"),
        "right": tr("classroom.true", "True"),
        "wrong": tr("classroom.false", "False"),
        "number": tr("classroom.number", "A number"),
        "prompt": tr("classroom.question-ask", "Question to ask"),
        "options": tr("classroom.options-one", "Options, one a line"),
        "answer": tr("classroom.right-option", "Right option, counted from 1 (may stay empty)"),
        "right_number": tr("classroom.right-number-may", "Right number (may stay empty)"),
        "tolerance": tr("classroom.tolerance", "Tolerance"),
        "ask": tr("classroom.ask-phones", "Ask on the phones"),
        "live": tr("classroom.live-question", "Live question with a real attack"),
        "scan": tr("teach.which-scan", "Which scan was attacked?"),
        "map": tr("teach.which-map", "Which map belongs to the attacked scan?"),
        "model": tr("classroom.what-will-undefended", "What will the undefended model say?"),
        "task": tr("batch.kind-scan", "Kind of scan"),
        "level": tr("teach.level", "Level"),
        "easy": tr("teach.easy", "Easy"),
        "medium": tr("teach.medium", "Medium"),
        "hard": tr("teach.hard", "Hard"),
        "computing": tr("classroom.attack-being", "The attack is being computed…"),
        "close": tr("classroom.close-question", "Close the question"),
        "reveal": tr("classroom.close-reveal", "Close and reveal the answer"),
        "answers": tr("classroom.n-students", "{n} of {students} answered"),
        "timer": tr("classroom.timer-minutes", "Timer, in minutes"),
        "start": tr("classroom.start", "Start"),
        "stop": tr("classroom.stop", "Stop"),
        "show_code": tr("classroom.show-code", "Show the code on the projector"),
        "challenge": tr("classroom.challenge", "Challenge"),
        "challenge_scan": tr("classroom.scan-challenge", "Scan of the challenge"),
        "challenge_smallest": tr("classroom.smallest-epsilon", "Smallest epsilon"),
        "challenge_filter": tr("classroom.preprocessing-against", "Preprocessing against a fixed attack"),
        "challenge_close": tr("classroom.end-challenge", "End the challenge"),
        "challenge_reveal": tr("classroom.end-reveal", "End it and reveal the adaptive attack"),
        "handout": tr("classroom.handout-pdf", "Handout (PDF)"),
        "report": tr("classroom.class-report", "Class report"),
        "csv": tr("classroom.csv", "CSV"),
        "pdf": tr("classroom.pdf", "PDF"),
        "lost": tr("classroom.no-connection", "No connection. Your page tries again by itself."),
        "use": tr(INTENDED_USE),
    }


def presenter(language: str) -> dict[str, str]:
    """The projected page."""
    tr = translator(language)
    return {
        "title": tr("classroom.meddef-classroom-projector", "MedDef classroom: projector"),
        "join": tr("classroom.join-your", "Join with your phone"),
        "students": tr("classroom.n-students-2", "{n} students are in"),
        "answers": tr("classroom.n-answers", "{n} answers"),
        "step": tr("teach.step-n", "Step {n} of {total}"),
        "computing": tr("classroom.pictures-being", "The pictures are being computed…"),
        "answer": tr("classroom.answer-answer", "The answer: {answer}"),
        "keys": tr("classroom.arrow-keys", "Arrow keys: step. R: reveal. N: notes. F: full screen."),
        "lost": tr("classroom.no-connection", "No connection. Your page tries again by itself."),
        "leaders": tr("classroom.leaderboard-re", "Leaderboard, measured again"),
        "queue": tr("classroom.n-tries", "{n} tries are waiting or being computed"),
        "adaptive": tr("classroom.after-adaptive", "After the adaptive attack"),
        "held": tr("classroom.stops", "stops it"),
        "broke": tr("classroom.broken", "broken"),
        "nameless": tr("classroom.student-n", "Student {n}"),
        "challenge_smallest": tr("classroom.find-smallest", "Find the smallest epsilon that changes this prediction."),
        "challenge_filter": tr("classroom.find-mildest", "Find the mildest preprocessing that stops this attack."),
        "use": tr(INTENDED_USE),
    }


def alone(language: str) -> dict[str, str]:
    """The projected page without a class."""
    tr = translator(language)
    return {
        "title": tr("classroom.meddef-lesson", "MedDef: lesson"),
        "step": tr("teach.step-n", "Step {n} of {total}"),
        "computing": tr("classroom.pictures-being", "The pictures are being computed…"),
        "keys": tr("classroom.arrow-keys", "Arrow keys: step. R: reveal. N: notes. F: full screen."),
        "lost": tr("classroom.no-connection-try", "No connection. Try again."),
        "use": tr(INTENDED_USE),
    }


def notes(language: str) -> dict[str, str]:
    """The teacher's window beside it."""
    tr = translator(language)
    return {
        "title": tr("teach.notes-teacher", "Notes for the teacher"),
        "previous": tr("teach.previous-step", "Previous step"),
        "next": tr("teach.next-step", "Next step"),
        "reveal": tr("classroom.reveal-steps", "Reveal the step's answer"),
        "hide": tr("classroom.hide-steps", "Hide the step's answer"),
        "since": tr("classroom.time-since", "Time since the start:"),
        "restart": tr("classroom.start-again", "Start again"),
        "step": tr("teach.step-n", "Step {n} of {total}"),
        "no_notes": tr("teach.step-no", "This step has no notes."),
        "answer": tr("classroom.answer-answer", "The answer: {answer}"),
        "lost": tr("classroom.no-connection-try", "No connection. Try again."),
        "use": tr(INTENDED_USE),
    }


PAGES: Mapping[str, Words] = {
    "phone": phone,
    "sign_in": sign_in,
    "teacher": teacher,
    "presenter": presenter,
    "alone": alone,
    "notes": notes,
}
