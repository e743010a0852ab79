"""The sentences of each page, by the key that its HTML and its script use."""

from collections.abc import Callable, Mapping

from dashboard.classroom.words import translator
from dashboard.services.words import INTENDED_USE

Words = Callable[[str], dict[str, str]]


def phone(language: str) -> dict[str, str]:
    """The students' page."""
    tr = translator(language)
    return {
        "title": tr("MedDef classroom"),
        "code": tr("Code of the room"),
        "nickname": tr("Nickname (may stay empty)"),
        "privacy": tr("Do not give your full name. What you answer is deleted with the room."),
        "join": tr("Join"),
        "wait": tr("You are in. The next question appears here."),
        "look": tr("Look at the projector."),
        "send": tr("Send"),
        "number": tr("Your number"),
        "sent": tr("Your answer has arrived."),
        "closed": tr("This question is closed."),
        "right": tr("Right."),
        "wrong": tr("Not right."),
        "answer": tr("The answer: {answer}"),
        "lost": tr("No connection. Your page tries again by itself."),
        "use": tr(INTENDED_USE),
        "challenge_smallest": tr("Find the smallest epsilon that changes this prediction."),
        "challenge_filter": tr("Find the mildest preprocessing that stops this attack."),
        "epsilon": tr("Epsilon, in 1/255"),
        "attack": tr("Attack"),
        "steps": tr("Steps"),
        "filter": tr("Preprocessing"),
        "strength": tr("Strength"),
        "try": tr("Try it"),
        "waiting": tr("Waiting; {n} before you."),
        "running": tr("It is being computed."),
        "changed": tr("The prediction changed. Measured: {measured}."),
        "unchanged": tr("The prediction did not change."),
        "stopped": tr("The attack was stopped. The scan changed by {change} on average."),
        "not_stopped": tr("The attack was not stopped."),
        "broke_clean": tr("The prediction for the clean scan changed, too, so this does not count."),
        "failed": tr("This try could not be computed; try again."),
        "best": tr("Your best: {best}"),
        "bits": tr("Bit depth"),
        "median": tr("Median filter"),
        "adaptive_held": tr("Adaptive attack: the defence still stops it."),
        "adaptive_broke": tr("Adaptive attack: it breaks this defence."),
    }


def sign_in(language: str) -> dict[str, str]:
    """Where a teacher gives the PIN."""
    tr = translator(language)
    return {
        "title": tr("MedDef classroom: teacher"),
        "pin": tr("Teacher's PIN"),
        "enter": tr("Sign in"),
        "students": tr("Students: to the page of your class"),
        "lost": tr("No connection. Your page tries again by itself."),
        "use": tr(INTENDED_USE),
    }


def teacher(language: str) -> dict[str, str]:
    """The teacher's window."""
    tr = translator(language)
    return {
        "title": tr("MedDef classroom: teacher"),
        "rooms": tr("Rooms"),
        "open_room": tr("Open a new room"),
        "expired": tr("expired"),
        "enter": tr("Enter"),
        "delete": tr("Delete the room and all its rows"),
        "delete_sure": tr("Delete this room with all its answers?"),
        "present": tr("Open the projector page"),
        "app": tr("To the other pages of MedDef"),
        "sign_out": tr("Sign out"),
        "code": tr("Code"),
        "lock": tr("Lock the room"),
        "unlock": tr("Unlock the room"),
        "students": tr("Students"),
        "nameless": tr("Student {n}"),
        "remove": tr("Remove"),
        "remove_name": tr("Remove the name"),
        "lesson": tr("Lesson"),
        "show_lesson": tr("Show this step"),
        "previous": tr("Previous step"),
        "next": tr("Next step"),
        "reveal_step": tr("Reveal the step's answer"),
        "hide_step": tr("Hide the step's answer"),
        "ask_step": tr("Ask the step's question on the phones"),
        "notes": tr("Notes"),
        "no_notes": tr("This step has no notes."),
        "question": tr("Question"),
        "kind": tr("Kind"),
        "choice": tr("Multiple choice"),
        "right_wrong": tr("True or false"),
        "right": tr("True"),
        "wrong": tr("False"),
        "number": tr("A number"),
        "prompt": tr("Question to ask"),
        "options": tr("Options, one a line"),
        "answer": tr("Right option, counted from 1 (may stay empty)"),
        "right_number": tr("Right number (may stay empty)"),
        "tolerance": tr("Tolerance"),
        "ask": tr("Ask on the phones"),
        "live": tr("Live question with a real attack"),
        "scan": tr("Which scan was attacked?"),
        "map": tr("Which map belongs to the attacked scan?"),
        "model": tr("What will the undefended model say?"),
        "task": tr("Kind of scan"),
        "level": tr("Level"),
        "easy": tr("Easy"),
        "medium": tr("Medium"),
        "hard": tr("Hard"),
        "computing": tr("The attack is being computed…"),
        "close": tr("Close the question"),
        "reveal": tr("Close and reveal the answer"),
        "answers": tr("{n} of {students} answered"),
        "timer": tr("Timer, in minutes"),
        "start": tr("Start"),
        "stop": tr("Stop"),
        "show_code": tr("Show the code on the projector"),
        "challenge": tr("Challenge"),
        "challenge_scan": tr("Scan of the challenge"),
        "challenge_smallest": tr("Smallest epsilon"),
        "challenge_filter": tr("Preprocessing against a fixed attack"),
        "challenge_close": tr("End the challenge"),
        "challenge_reveal": tr("End it and reveal the adaptive attack"),
        "handout": tr("Handout (PDF)"),
        "report": tr("Class report"),
        "csv": tr("CSV"),
        "pdf": tr("PDF"),
        "lost": tr("No connection. Your page tries again by itself."),
        "use": tr(INTENDED_USE),
    }


def presenter(language: str) -> dict[str, str]:
    """The projected page."""
    tr = translator(language)
    return {
        "title": tr("MedDef classroom: projector"),
        "join": tr("Join with your phone"),
        "students": tr("{n} students are in"),
        "answers": tr("{n} answers"),
        "step": tr("Step {n} of {total}"),
        "computing": tr("The pictures are being computed…"),
        "answer": tr("The answer: {answer}"),
        "keys": tr("Arrow keys: step. R: reveal. N: notes. F: full screen."),
        "lost": tr("No connection. Your page tries again by itself."),
        "leaders": tr("Leaderboard, re-measured"),
        "queue": tr("{n} tries are waiting or being computed"),
        "adaptive": tr("After the adaptive attack"),
        "held": tr("stops it"),
        "broke": tr("broken"),
        "nameless": tr("Student {n}"),
        "challenge_smallest": tr("Find the smallest epsilon that changes this prediction."),
        "challenge_filter": tr("Find the mildest preprocessing that stops this attack."),
        "use": tr(INTENDED_USE),
    }


def alone(language: str) -> dict[str, str]:
    """The projected page without a class."""
    tr = translator(language)
    return {
        "title": tr("MedDef: lesson"),
        "step": tr("Step {n} of {total}"),
        "computing": tr("The pictures are being computed…"),
        "keys": tr("Arrow keys: step. R: reveal. N: notes. F: full screen."),
        "lost": tr("No connection. Try again."),
        "use": tr(INTENDED_USE),
    }


def notes(language: str) -> dict[str, str]:
    """The teacher's window beside it."""
    tr = translator(language)
    return {
        "title": tr("Notes for the teacher"),
        "previous": tr("Previous step"),
        "next": tr("Next step"),
        "reveal": tr("Reveal the step's answer"),
        "hide": tr("Hide the step's answer"),
        "since": tr("Time since the start:"),
        "restart": tr("Start again"),
        "step": tr("Step {n} of {total}"),
        "no_notes": tr("This step has no notes."),
        "answer": tr("The answer: {answer}"),
        "lost": tr("No connection. Try again."),
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
