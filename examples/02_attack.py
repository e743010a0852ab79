"""Attack the same scan on the undefended model and on MedDef."""

import meddef_core as md

scan = md.list_samples("oct")[0].load()
for key in ("oct/undefended", "oct/meddef"):
    model = md.load_model(key)
    result = md.attack(model, scan, name="PGD", eps="4/255", steps=20)
    before, after = (
        model.task.classes[int(predicted)] for predicted in (result.clean_prediction, result.adversarial_prediction)
    )
    print(f"{key}: {before} becomes {after}; the largest change of a pixel is {255 * float(result.linf):.1f}/255")
